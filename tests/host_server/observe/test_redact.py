"""No secret reaches the log."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from host_server.observe.log import bind, get_logger
from host_server.observe.logging import configure_logging
from host_server.observe.redact import MASK, redact

KEY = "brk_ab12cd34_" + "Xy-_" * 10 + "abc"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"key {KEY} used", f"key brk_ab12cd34_{MASK} used"),
        ("Authorization: Bearer abcdefgh1234", f"Authorization: Bearer {MASK}"),
        ("bridge.bearer.abcdefgh1234", f"bridge.bearer.{MASK}"),
        ("/ws?token=SECRETQ12", f"/ws?token={MASK}"),
        ("order number 20260917-1234", "order number 20260917-1234"),
        ("a bearer of news", "a bearer of news"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_nothing_else(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    "name", ["authorization", "Sec-WebSocket-Protocol", "admin_token", "api_key", "Set-Cookie", "PASSWORD"]
)
def test_a_field_named_like_a_secret_is_masked_whatever_it_holds(name: str) -> None:
    assert redact({name: "x", "other": [{name: 7}]}) == {name: MASK, "other": [{name: MASK}]}


def test_bytes_are_read_and_depths_are_cut() -> None:
    deep: Any = "x"
    for _ in range(20):
        deep = [deep]

    assert redact(b"Bearer abcdefgh1234") == f"Bearer {MASK}"
    assert MASK in json.dumps(redact(deep))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | st.just(KEY) | st.just(f"x={KEY}"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=12,
    )
)
def test_a_key_never_comes_through(value: Any) -> None:
    assert KEY[13:] not in json.dumps(redact(value))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/\x1b]0;owned\x07", r"/\x1b]0;owned\x07"),
        ("/\x9b31m\x7f", r"/\x9b31m\x7f"),
        ("/\u202egpj.exe\u2066", r"/\u202egpj.exe\u2066"),
        ("/\ud800", r"/\ud800"),
        ("line\n\tnext 订单 😀", "line\n\tnext 订单 😀"),
    ],
)
def test_nothing_in_a_line_drives_the_terminal(text: str, shown: str) -> None:
    assert redact({"path": text}) == {"path": shown}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log of this test; the process's own comes back afterwards."""
    root = logging.getLogger()
    handlers, level, uvicorn = root.handlers[:], root.level, logging.getLogger("uvicorn").level
    configured = structlog.get_config()
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(uvicorn)
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


def test_our_lines_and_the_libraries_lines_are_json_and_masked(lines: io.StringIO) -> None:
    bind(request_id="req_1")
    get_logger("host_server.test").info("asked", authorization="Bearer abcdefgh1234", size=7)
    logging.getLogger("some.library").warning("opened %s", f"/x?token={KEY}")

    ours, theirs = (json.loads(line) for line in lines.getvalue().splitlines())

    assert (ours["event"], ours["authorization"], ours["size"], ours["request_id"]) == ("asked", MASK, 7, "req_1")
    assert theirs["logger"] == "some.library"
    assert KEY[13:] not in lines.getvalue()


def test_a_traceback_is_masked_too(lines: io.StringIO) -> None:
    try:
        int(KEY)
    except ValueError:
        get_logger("host_server.test").exception("failed")

    assert "ValueError" in lines.getvalue()
    assert KEY[13:] not in lines.getvalue()
