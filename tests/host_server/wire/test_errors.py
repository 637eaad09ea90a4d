"""The table of codes, and the three shapes an error takes."""

import typing

import pytest

from host_server.imaging import ImagingCode
from host_server.wire.errors import CODES, WireError, error_body, error_event, response_error


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_status_that_fits_its_type(code: str) -> None:
    row = CODES[code]
    expected = {
        "authentication_error": {401},
        "permission_error": {403},
        "rate_limit_error": {429},
        "overloaded_error": {503},
        "server_error": {500, 502, 503, 507},
        "invalid_request_error": {400, 404, 405, 408, 409, 413},
    }

    assert row.status in expected[row.type]


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_place_in_the_official_clients_closed_enum(code: str) -> None:
    pytest.importorskip("openai", reason="the openai package is not installed")
    from openai.types.responses import ResponseError

    allowed = typing.get_args(ResponseError.model_fields["code"].annotation)

    assert CODES[code].response_code in allowed


@pytest.mark.parametrize("code", typing.get_args(ImagingCode))
def test_every_refusal_of_a_picture_has_a_code(code: str) -> None:
    assert code in CODES


def test_a_refusal_echoes_what_it_belongs_to_and_nothing_else() -> None:
    bare = WireError("queue_full", "full", retry_after_ms=5)
    named = WireError("response_not_found", "gone", event_id="e", stream_id="s", response_id="r", param="p")

    assert set(error_event(bare)) == {"type", "status", "error"}
    assert [error_event(named)[key] for key in ("event_id", "stream_id", "response_id")] == ["e", "s", "r"]
    assert error_event(named)["error"] == error_body(named)["error"]


def test_a_failed_answer_carries_our_code_as_the_reason() -> None:
    assert response_error(WireError("engine_oom", "too big")) == {
        "code": "server_error",
        "message": "too big",
        "reason": "engine_oom",
        "retryable": True,
    }
    assert response_error(WireError("engine_oom", "too big", retry_after_ms=9))["retry_after_ms"] == 9
