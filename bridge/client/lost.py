"""The end of an answer whose host does not know it any more: what had been written is closed, then it fails. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from host_server.wire.errors import WireError, response_error
from host_server.wire.log import AnswerLog
from host_server.wire.response import message_item, text_part

__all__ = ["closing_events"]


@dataclass(slots=True)
class _Seen:
    """What an answer's events so far add up to."""

    response: dict[str, Any] = field(default_factory=dict)
    done: list[Any] = field(default_factory=list)  # output items that were finished
    item: Mapping[str, Any] | None = None  # the one that is open
    part: Mapping[str, Any] | None = None
    texts: list[str] = field(default_factory=list)
    text_open: bool = False

    def take(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"type": "response.output_item.added", "item": item}:
                self.item = item
            case {"type": "response.content_part.added"}:
                self.part, self.text_open, self.texts = event, True, []
            case {"type": "response.output_text.delta", "delta": str(text)}:
                self.texts.append(text)
            case {"type": "response.output_text.done"}:
                self.text_open = False
            case {"type": "response.content_part.done"}:
                self.part = None
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
    text, name = "".join(seen.texts), str(seen.response.get("id"))
    at = {key: seen.part[key] for key in ("item_id", "output_index", "content_index")} if seen.part else {}
    events: list[dict[str, Any]] = []
    if seen.part is not None and seen.text_open:
        events.append({"type": "response.output_text.done", **at, "text": text, "logprobs": []})
    if seen.part is not None:
        events.append({"type": "response.content_part.done", **at, "part": text_part(text)})
    if seen.item is not None:
        item = message_item(str(seen.item.get("id")), "incomplete", [text_part(text)] if text else [])
        seen.done.append(item)
        events.append({"type": "response.output_item.done", "output_index": len(seen.done) - 1, "item": item})
    fields: dict[str, Any] = {"status": "failed", "output": seen.done, "error": response_error(error)}
    if forgotten:
        fields["forgotten"] = True
    events.append({"type": "response.failed", "response": seen.response | fields})
    first = log.last + 1
    return [{**event, "sequence_number": first + number, "response_id": name} for number, event in enumerate(events)]
