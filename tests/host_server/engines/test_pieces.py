"""A text cut into pieces is the text again when they are joined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.pieces import pieces


@given(st.text())
def test_joined_pieces_are_the_text(text: str) -> None:
    cut = list(pieces(text))

    assert "".join(piece.text for piece in cut) == text
    assert all(piece.text and not piece.cut for piece in cut)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The total is $5.00.", ["The", " total", " is", " $5.00."]),
        ("合计 5元", ["合", "计", " 5", "元"]),
        ("x" * 30 + " y ", ["x" * 24, "x" * 6, " y", " "]),
        ("", []),
    ],
)
def test_words_go_one_by_one_and_chinese_character_by_character(text: str, wanted: list[str]) -> None:
    assert [piece.text for piece in pieces(text)] == wanted


@given(st.text(min_size=1), st.integers(1, 20))
def test_the_limit_cuts_and_the_last_piece_says_whether_anything_is_missing(text: str, limit: int) -> None:
    whole = list(pieces(text))
    cut = list(pieces(text, limit))

    assert [piece.text for piece in cut] == [piece.text for piece in whole[:limit]]
    assert [piece.cut for piece in cut] == [False] * (len(cut) - 1) + [len(whole) > limit]


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ((), "one two three"),
        (("four",), "one two three"),
        ((" two",), "one"),
        (("three", "two"), "one "),
        (("o three", "wo th"), "one t"),
        (("one",), ""),
    ],
)
def test_the_first_stop_ends_the_text_and_is_no_part_of_it(stop: tuple[str, ...], said: str) -> None:
    cut = list(pieces("one two three", stop=stop))

    assert "".join(piece.text for piece in cut) == said
    assert not any(piece.cut for piece in cut)


def test_a_text_that_ends_at_a_stop_is_not_cut_by_its_limit() -> None:
    assert [piece.cut for piece in pieces("one two three", 1, stop=[" two"])] == [False]
