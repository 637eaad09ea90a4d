"""A log line on a terminal is one line of it, and nobody's text makes it two."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from host_server.observe.log import get_logger
from host_server.observe.logging import configure_logging
from host_server.observe.terminal import terminal_line

REQUEST = {
    "event": "request",
    "level": "info",
    "logger": "host_server.access",
    "timestamp": "2026-11-22T11:32:08.309546Z",
    "method": "POST",
    "path": "/v1/responses",
    "status": 200,
    "duration_ms": 12.6,
    "principal": "brk_ab12cd34",
    "request_id": "req_c94f1c82f7a64e96ac1964cfa6b0adbc",
}


def test_a_request_fits_a_terminal_of_eighty_columns() -> None:
    line = terminal_line(None, "", dict(REQUEST))

    assert line[8:] == " POST /v1/responses 200 12.6 ms brk_ab12cd34 req_c94f1c82f"
    assert len(line) <= 80


def test_other_happenings_name_what_they_are_about() -> None:
    event = {"event": "accepted", "level": "info", "timestamp": "x", "engine": "ocr", "response_id": "resp_" + "a" * 32}

    assert terminal_line(None, "", event) == "x accepted engine=ocr resp_aaaaaaaa"


def test_what_is_out_of_the_ordinary_is_said_first() -> None:
    event = {"event": "engine lost", "level": "error", "timestamp": "x", "exception": "Traceback …"}

    assert terminal_line(None, "", event) == "x error engine lost\nTraceback …"


@given(st.text())
def test_a_strangers_address_is_one_word(path: str) -> None:
    line = terminal_line(None, "", REQUEST | {"path": path})

    assert len(line.splitlines()) == 1
    assert line.endswith(" 200 12.6 ms brk_ab12cd34 req_c94f1c82f")


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
def test_that_is_how_the_host_writes_on_a_terminal() -> None:
    out = Terminal()
    configure_logging(stream=out)
    get_logger("host_server.access").info("request", method="GET", path="/x", status=401, duration_ms=0.4)

    assert out.getvalue().rstrip("\n")[8:] == " GET /x 401 0.4 ms"
