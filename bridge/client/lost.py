"""The end of an answer whose host does not know it any more: what had been written is closed, then it fails. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from host_server.wire.errors import WireError, response_error
from host_server.wire.log import AnswerLog
from host_server.wire.output import TEXT_DELTAS, Body, Item

__all__ = ["closing_events"]


@dataclass(slots=True)
class _Seen:
    """What an answer's events so far add up to."""

    response: dict[str, Any] = field(default_factory=dict)
    done: list[Any] = field(default_factory=list)  # output items that were finished
    item: Mapping[str, Any] | None = None  # the one that is open
    missing: int = 0  # how many of the events that close it: of its text, its part and itself
    texts: list[str] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"type": "response.output_item.added", "item": item}:
                self.item, self.missing, self.texts = item, 1, []
            case {"type": "response.content_part.added"}:
                self.missing = 3
            case {"type": kind, "delta": str(text)} if kind in TEXT_DELTAS:
                self.texts.append(text)
            case {"type": "response.output_text.done" | "response.reasoning_text.done"}:
                self.missing = 2
            case {"type": "response.content_part.done"}:
                self.missing = 1
            case {"type": "response.output_item.done", "item": item}:
                self.done.append(item)
                self.item = None
            case {"response": dict(response)}:
                self.response = response


def closing_events(log: AnswerLog, error: WireError, *, forgotten: bool = False) -> list[dict[str, Any]]:
    """Every event that is missing, the terminal one last. The log must begin with `response.created`.

    `forgotten` stands in the response: who asks again may use the same key, for the host does not know it.
    """
    seen = _Seen()
    for event in log.since():
        seen.take(event)
    bodies = _closing(seen)
    fields: dict[str, Any] = {"status": "failed", "output": seen.done, "degraded": []}
    fields["error"] = response_error(error)
    if forgotten:
        fields["forgotten"] = True
    bodies.append(("response.failed", {"response": seen.response | fields}))
    name = str(seen.response.get("id"))
    return [
        {"type": kind, **body, "sequence_number": number, "response_id": name}
        for number, (kind, body) in enumerate(bodies, log.last + 1)
    ]


def _closing(seen: _Seen) -> list[Body]:
    """What closes the open item, which is among those that are done from here on."""
    if seen.item is None:
        return []
    kind = Item.thought if seen.item.get("type") == "reasoning" else Item.message
    item = kind(str(seen.item.get("id")), len(seen.done))
    for text in seen.texts:
        item.delta(text)
    closed, bodies = item.closed("incomplete")
    if not item.text:
        closed["content"] = []
    seen.done.append(closed)
    return bodies[-seen.missing :]
