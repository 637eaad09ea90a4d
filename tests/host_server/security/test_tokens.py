"""Admin token, keys, and who gets in with them."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_server.security.admin_token import ensure_admin_token
from host_server.security.authenticator import Authenticator
from host_server.security.keys import KEYS_FILE, KeyFile, KeyNameError
from host_server.security.principal import ADMIN
from host_server.wire.discovery import ADMIN_TOKEN_FILE, UnsafeFileError
from host_server.wire.errors import WireError


def _authenticator(folder: Path) -> Authenticator:
    return Authenticator("admin-token", KeyFile(folder))


def test_the_admin_token_is_made_once_and_readable_by_us_alone(tmp_path: Path) -> None:
    token = ensure_admin_token(tmp_path)

    assert len(token) == 43
    assert ensure_admin_token(tmp_path) == token
    assert (tmp_path / ADMIN_TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [ADMIN_TOKEN_FILE]


def test_hosts_that_start_together_agree_on_the_token(tmp_path: Path) -> None:
    tokens: list[str] = []
    start = threading.Barrier(8)

    def begin() -> None:
        start.wait(5)
        tokens.append(ensure_admin_token(tmp_path))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert len(tokens) == 8
    assert len(set(tokens)) == 1


def test_a_token_file_that_others_can_read_stops_the_host(tmp_path: Path) -> None:
    ensure_admin_token(tmp_path)
    (tmp_path / ADMIN_TOKEN_FILE).chmod(0o644)

    with pytest.raises(UnsafeFileError):
        ensure_admin_token(tmp_path)


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ADMIN_TOKEN_FILE).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic"):
        ensure_admin_token(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_is_kept_as_its_digest_only(tmp_path: Path) -> None:
    token = KeyFile(tmp_path).new("ci")

    text = (tmp_path / KEYS_FILE).read_text(encoding="utf-8")
    assert token.startswith("brk_")
    assert token[13:] not in text
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_lets_in_until_it_is_revoked_even_at_a_running_host(tmp_path: Path) -> None:
    host, command = _authenticator(tmp_path), KeyFile(tmp_path)
    token = command.new("ci")

    principal = host.authenticate(token, peer="p", now=0.0)
    assert (principal.name, principal.id) == ("ci", token[:12])
    assert host.still_valid(principal)

    command.revoke("ci")
    assert not host.still_valid(principal)
    with pytest.raises(WireError, match="revoked"):
        host.authenticate(token, peer="p", now=0.0)


def test_a_key_can_be_revoked_by_its_prefix_and_the_others_stay(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    first, second = keys.new("one"), keys.new("two")
    keys.revoke(first[:12])

    assert [key.name for key in keys.list()] == ["two"]
    assert keys.find(second) is not None
    assert keys.find(first) is None


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 33, "a\n", "ü"])
def test_a_name_is_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeyNameError, match="letters"):
        KeyFile(tmp_path).new(name)


def test_a_name_is_used_once_and_an_unknown_one_is_said(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    keys.new("ci")

    with pytest.raises(KeyNameError, match="already"):
        keys.new("ci")
    with pytest.raises(KeyNameError, match="no key"):
        keys.revoke("cd")


def test_the_secret_counts_not_the_prefix(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    token = keys.new("ci")
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")

    assert keys.find(forged) is None


@pytest.mark.parametrize("content", ["", "[{}]", "{}", "nonsense", '[{"name":"x"}]'])
def test_a_damaged_key_file_lets_nobody_in_but_the_admin(tmp_path: Path, content: str) -> None:
    host = _authenticator(tmp_path)
    token = KeyFile(tmp_path).new("ci")
    principal = host.authenticate(token, peer="p", now=0.0)
    (tmp_path / KEYS_FILE).write_text(content, encoding="utf-8")

    with pytest.raises(UnsafeFileError, match="damaged"):
        KeyFile(tmp_path).list()
    with pytest.raises(WireError):
        host.authenticate(token, peer="p", now=0.0)
    assert not host.still_valid(principal)
    assert host.authenticate("admin-token", peer="p", now=0.0) == ADMIN
    assert host.still_valid(ADMIN)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    keys.new("ci")
    (tmp_path / KEYS_FILE).chmod(0o644)

    with pytest.raises(UnsafeFileError, match="chmod"):
        KeyFile(tmp_path).list()


def test_without_a_file_there_are_no_keys(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    token = keys.new("ci")
    assert keys.list()
    (tmp_path / KEYS_FILE).unlink()

    assert keys.list() == ()
    assert keys.find(token) is None


def test_what_looks_like_nothing_of_ours_is_refused(tmp_path: Path) -> None:
    host = _authenticator(tmp_path)
    for number, token in enumerate(
        (None, "", "wrong", "admin-tokeN", "x" * 1000, "ädmin", "brk_", "brk_00000000_" + "a" * 43)
    ):
        with pytest.raises(WireError) as caught:
            host.authenticate(token, peer=f"p{number}", now=0.0)
        assert caught.value.code == "invalid_token"


def test_many_wrong_tokens_are_slowed_down_and_the_right_one_is_not(tmp_path: Path) -> None:
    host = _authenticator(tmp_path)
    codes: list[str] = []
    for _ in range(12):
        with pytest.raises(WireError) as caught:
            host.authenticate("wrong", peer="p", now=0.0)
        codes.append(caught.value.code)

    assert codes == ["invalid_token"] * 10 + ["rate_limited"] * 2
    assert host.authenticate("admin-token", peer="p", now=0.0) == ADMIN


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.binary(max_size=60)
    | st.builds(lambda value: json.dumps(value).encode(), st.lists(st.dictionaries(st.text(max_size=4), st.integers())))
)
def test_any_key_file_is_keys_or_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / KEYS_FILE
    path.write_bytes(content)
    path.chmod(0o600)
    try:
        keys = KeyFile(tmp_path).list()
    except UnsafeFileError:
        return

    assert keys == ()
