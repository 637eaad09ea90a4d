"""The golden files are what the builders write, and what the official client takes without a complaint.

`LENSBRIDGE_WRITE_GOLDEN=1` writes them afresh; read the difference before committing it. The page's tests read the same
files.
"""

import functools
import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from host_server.wire.errors import WireError, error_body, error_event
from host_server.wire.events import session_ready
from host_server.wire.request import parse_message
from tests.support.answers import REQUESTS, SHA256, answer

GOLDEN = Path(__file__).parents[2] / "golden" / "wire"


def _errors() -> dict[str, Any]:
    refused = WireError(
        "previous_response_not_found",
        "That answer is not known here (any more); send the whole question.",
        param="previous_response_id",
        event_id="c1",
        stream_id="phone-1",
    )
    full = WireError("queue_full", "Too many questions wait. Ask again later.", retry_after_ms=1500)
    return {
        "websocket": [error_event(refused), error_event(full)],
        "http": [error_body(full)],
        "session_ready": session_ready(
            session_id="sess_1",
            sequence_number=0,
            models=["echo", "ocr"],
            max_image_bytes=26214400,
            max_message_bytes=1048576,
            max_inflight=16,
            resume_grace_s=30.0,
        ),
        "client": [
            {"type": "response.cancel", "response_id": "resp_1", "event_id": "c2"},
            {"type": "bridge:hello", "protocol": 1, "resume": [{"id": "resp_1", "starting_after": 5}]},
            {"type": "bridge:resume", "responses": [{"id": "resp_1", "starting_after": 5}]},
            {"type": "bridge:ack", "response_id": "resp_1", "sequence_number": 5},
        ],
    }


def _hold(name: str, value: Any) -> None:
    path = GOLDEN / f"{name}.json"
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("LENSBRIDGE_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("scenario", REQUESTS)
def test_an_answer_is_written_as_the_golden_file_says(scenario: str) -> None:
    _hold(scenario, {"request": REQUESTS[scenario], "events": answer(scenario)})


def test_refusals_and_connection_messages_are_written_as_the_golden_file_says() -> None:
    _hold("connection", _errors())


@pytest.mark.parametrize("scenario", REQUESTS)
def test_a_golden_request_is_accepted(scenario: str) -> None:
    create = parse_message(json.dumps(REQUESTS[scenario]))

    assert create.event_id == REQUESTS[scenario].get("event_id")


def test_every_message_of_a_client_in_the_golden_file_is_accepted() -> None:
    for message in _errors()["client"]:
        assert parse_message(json.dumps(message)) is not None


def test_the_picture_is_named_by_its_content() -> None:
    assert SHA256 in json.dumps(REQUESTS["image"])


@functools.cache
def _official_unions() -> tuple[Any, Any]:
    """All events on SSE, all events on the WebSocket."""
    import pydantic
    from openai.types.responses import ResponsesServerEvent, ResponseStreamEvent

    return pydantic.TypeAdapter(ResponseStreamEvent), pydantic.TypeAdapter(ResponsesServerEvent)


@pytest.mark.parametrize("scenario", REQUESTS)
def test_the_official_client_takes_every_event_strictly(scenario: str) -> None:
    pytest.importorskip("openai", reason="the openai package is not installed")
    union, socket = _official_unions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for event in map(_without_ours, answer(scenario)):
            for adapter, body in ((union, event), (socket, event | {"stream_id": "phone-1"})):
                parsed = adapter.validate_python(body)

                assert body["type"] == parsed.type
                assert body == parsed.model_dump(mode="json", exclude_unset=True, by_alias=True)


def test_a_place_is_told_by_an_event_and_stands_in_the_answer() -> None:
    (added,) = [event for event in answer("boxes") if event["type"] == "response.output_text.annotation.added"]
    part = answer("boxes")[-1]["response"]["output"][0]["content"][0]

    assert part["annotations"] == [added["annotation"]]
    assert part["text"][added["annotation"]["start_index"] : added["annotation"]["end_index"]] == "[52, 310, 401, 377]"


def _without_ours(value: Any) -> Any:
    """An event without annotations of our own kinds: the client's types list its own and allow no others."""
    if isinstance(value, list):
        return [_without_ours(inner) for inner in value if not _is_ours(inner)]
    if isinstance(value, dict):
        return {key: _without_ours(inner) for key, inner in value.items() if not _is_ours(inner)}
    return value


def _is_ours(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("type", "")).startswith("bridge:")


def test_the_official_client_takes_refusals_strictly() -> None:
    pytest.importorskip("openai", reason="the openai package is not installed")
    _, adapter = _official_unions()
    for event in _errors()["websocket"]:
        assert adapter.validate_python(event).error.code == event["error"]["code"]
