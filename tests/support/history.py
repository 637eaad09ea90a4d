"""The history of one answer, judged: whoever saw whatever part of it, all must have seen the same."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from host_server.wire.events import is_terminal

__all__ = ["agrees", "assert_clean", "said", "text_by_number"]

Json = dict[str, Any]
_DELTA = "response.output_text.delta"


def assert_clean(events: Sequence[Json]) -> None:
    """From `created` on, growing, one end, which is the last event, and its text is what was streamed."""
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(set(numbers))
    assert (numbers[0], events[0]["type"]) == (0, "response.created")
    assert [event for event in events if is_terminal(event)] == [events[-1]]
    assert {event["response_id"] for event in events} == {events[0]["response"]["id"]}
    assert "".join(text_by_number(events).values()) == said(events[-1]["response"])


def said(response: Json) -> str:
    """The text of a Response."""
    return "".join(part["text"] for item in response["output"] for part in item["content"])


def text_by_number(events: Iterable[Json]) -> dict[int, str]:
    """Each piece of text with its number, merged deltas taken apart."""
    pieces: dict[int, str] = {}
    for event in events:
        if event["type"] == _DELTA:
            start = 0
            for number, length in event.get("merged", [[event["sequence_number"], len(event["delta"])]]):
                pieces[number] = event["delta"][start : start + length]
                start += length
            assert start == len(event["delta"])
    return pieces


def agrees(seen: Json, whole: Mapping[int, Json], pieces: Mapping[int, str]) -> bool:
    """Whether an event that somebody saw, in whatever lane, is what the whole history has at its number."""
    event = {name: value for name, value in seen.items() if name != "stream_id"}
    if event["type"] == _DELTA:
        return text_by_number([event]).items() <= pieces.items()
    return whole.get(event["sequence_number"]) == event
