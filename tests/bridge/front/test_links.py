"""Codes are good once and for a minute; tokens for a day, for this front."""

import pytest

from bridge.front.links import CODE_S, MAX_CODES, MAX_TOKENS, MAX_WRONG, TOKEN_S, WRONG_WINDOW_S, Links, TooManyTries


def test_a_code_works_once() -> None:
    links = Links()
    code = links.new_code(0.0)

    assert links.redeem(code, 1.0) is not None
    assert links.redeem(code, 1.0) is None


def test_a_code_is_too_old_after_a_minute() -> None:
    links = Links()

    assert links.redeem(links.new_code(0.0), CODE_S) is None


def test_only_the_newest_codes_are_outstanding() -> None:
    links = Links()
    codes = [links.new_code(0.0) for _ in range(MAX_CODES + 1)]

    assert links.redeem(codes[0], 1.0) is None
    assert links.redeem(codes[1], 1.0) is not None


def test_a_code_that_ran_out_takes_no_place() -> None:
    links = Links()
    links.new_code(0.0)
    codes = [links.new_code(CODE_S) for _ in range(MAX_CODES)]

    assert all(links.redeem(code, CODE_S + 1) for code in codes)


def test_a_token_is_a_pages_for_a_day() -> None:
    links = Links()
    linked = links.redeem(links.new_code(0.0), 0.0)
    assert linked is not None
    token, seconds = linked

    assert seconds == TOKEN_S
    who = links.who(token, 1.0)
    assert who is not None
    assert (who.role, who.expires_at) == ("page", TOKEN_S)
    assert links.who(token, TOKEN_S) is None
    assert links._tokens == {}


def test_the_control_token_is_the_laptops() -> None:
    links = Links()
    who = links.who(links.control_token, 0.0)

    assert who is not None
    assert who.role == "control"


@pytest.mark.parametrize("token", ["", "nope", "\ud800"])
def test_any_other_token_is_nobodys(token: str) -> None:
    assert Links().who(token, 0.0) is None


def test_secrets_are_long_and_kept_as_digests_only() -> None:
    links = Links()
    code = links.new_code(0.0)
    linked = links.redeem(code, 0.0)
    assert linked is not None

    assert len(code) >= 22
    assert len(linked[0]) >= 43
    assert linked[0] not in repr(vars(links))


def test_the_oldest_page_gives_way() -> None:
    links = Links()
    tokens = [linked[0] for _ in range(MAX_TOKENS + 1) if (linked := links.redeem(links.new_code(0.0), 0.0))]

    assert links.who(tokens[0], 0.0) is None
    assert links.who(tokens[-1], 0.0) is not None


def test_revoking_ends_codes_and_tokens_and_leaves_control() -> None:
    links = Links()
    code = links.new_code(0.0)
    linked = links.redeem(links.new_code(0.0), 0.0)
    assert linked is not None
    links.revoke()

    assert links.redeem(code, 0.0) is None
    assert links.who(linked[0], 0.0) is None
    assert links.who(links.control_token, 0.0) is not None


def test_after_many_wrong_codes_the_next_wrong_one_must_wait() -> None:
    links = Links()
    for _ in range(MAX_WRONG):
        assert links.redeem("nope", 1.0) is None
    with pytest.raises(TooManyTries):
        links.redeem("nope", 2.0)

    assert links.redeem("nope", 1.0 + WRONG_WINDOW_S) is None


def test_wrong_codes_of_a_stranger_do_not_keep_out_the_right_one() -> None:
    links = Links()
    for _ in range(MAX_WRONG):
        links.redeem("nope", 1.0)

    assert links.redeem(links.new_code(1.0), 2.0) is not None
