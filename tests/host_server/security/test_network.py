"""Host and Origin: pages of strangers stay outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.security.network import host_allowed, is_loopback, origin_allowed, split_host


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8018", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8018", "gpu.lan:8018"],
)
def test_loopback_and_configured_names_are_us(host: str) -> None:
    assert host_allowed(host, names={"gpu.lan"}, server="127.0.0.1")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "evil.example:8018",
        "127.0.0.1.evil.example",
        "10.0.0.7",
        "localhost@evil.example",
        "evil.example#localhost",
        "localhost:port",
        "[::1",
        "localhost, evil.example",
        "2130706433",
        "0.0.0.0",  # ruff: ignore[hardcoded-bind-all-interfaces] nothing is bound
        "localhost.",
        "[::1].evil.example",
        "[::1]evil.example",
        "[::1%25lo]",
        "[localhost]",
        "::1",
        "localhost:99999",
        "localhost:",
        "user@localhost",
        "localhost\\@evil.example",
        "ｌocalhost",
    ],
)
def test_any_other_name_is_not(host: str) -> None:
    assert not host_allowed(host, names=(), server="127.0.0.1")


def test_the_address_a_request_arrived_at_is_us() -> None:
    assert host_allowed("10.0.0.7:8018", names=(), server="10.0.0.7")
    assert not host_allowed("10.0.0.8:8018", names=(), server="10.0.0.7")
    assert not host_allowed("10.0.0.8:8018", names=(), server=None)


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "allowed"),
    [
        ("http://localhost:8018", "localhost:8018", "http", True),
        ("http://LOCALHOST:8018", "localhost:8018", "ws", True),
        ("https://gpu.lan", "gpu.lan:443", "wss", True),
        ("http://localhost", "localhost:80", "http", True),
        ("http://localhost:8019", "localhost:8018", "http", False),
        ("http://127.0.0.1:8018", "localhost:8018", "http", False),
        ("https://localhost:8018", "localhost:8018", "http", False),
        ("https://evil.example", "localhost:8018", "http", False),
        ("null", "localhost:8018", "http", False),
        ("", "localhost:8018", "http", False),
        ("file://", "localhost:8018", "http", False),
        ("http://localhost:8018/path", "localhost:8018", "http", False),
        ("http://[::1", "localhost:8018", "http", False),
        ("http://[::1]:8018", "[::1]:8018", "http", True),
        ("http://evil.example@localhost:8018", "localhost:8018", "http", False),
        ("http://localhost:8018@evil.example", "localhost:8018", "http", False),
        ("http://localhost:8018?", "localhost:8018", "http", False),
        ("//localhost:8018", "localhost:8018", "http", False),
        ("http://localhost:8018", "", "http", False),
    ],
)
def test_only_a_page_of_this_very_address_may_talk(origin: str, host: str, scheme: str, *, allowed: bool) -> None:
    assert origin_allowed(origin, host=host, scheme=scheme) is allowed


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_breaks_the_checks(host: str, origin: str) -> None:
    parsed = split_host(host)
    allowed = host_allowed(host, names=(), server="127.0.0.1")

    assert not allowed or (parsed is not None and is_loopback(parsed[0]))
    assert not origin_allowed(origin, host="localhost:8018", scheme="http") or "localhost" in origin.lower()


@pytest.mark.parametrize(
    ("name", "loopback"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.7", False), ("gpu", False)]
)
def test_what_can_only_be_this_machine(name: str, *, loopback: bool) -> None:
    assert is_loopback(name) is loopback
