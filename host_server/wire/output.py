"""An item of an answer while it is written: the message or, before it, what the model thought.

```
item.added ► part.added ► delta … ► [annotation.added …] ► text.done ► part.done ► item.done
```
Each call gives the events that follow, by type and with the fields of their own; `AnswerWriter` numbers them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from host_server.wire.response import Json, message_item, reasoning_item, reasoning_part, text_part

__all__ = ["TEXT_DELTAS", "Body", "Item", "Status"]

TEXT_DELTAS = frozenset({"response.output_text.delta", "response.reasoning_text.delta"})
"""The events that come for every token."""

Body = tuple[str, Json]
"""An event without its number."""

Status = Literal["in_progress", "completed", "incomplete"]


class _Kind(NamedTuple):
    event: str  # what the events of its text begin with
    item: Callable[[str, Status, Sequence[Json]], Json]
    part: Callable[[str], Json]
    beside: dict[str, Any]  # what clients take for granted beside the text


_MESSAGE = _Kind("response.output_text", message_item, text_part, {"logprobs": []})
_THOUGHT = _Kind("response.reasoning_text", reasoning_item, reasoning_part, {})


class Item:
    """One item with one part of text."""

    def __init__(self, kind: _Kind, item_id: str, index: int) -> None:
        self._kind = kind
        self._id = item_id
        self._index = index
        self._at = {"item_id": item_id, "output_index": index, "content_index": 0}
        self._pieces: list[str] = []
        self._annotations: list[Json] = []

    @classmethod
    def message(cls, item_id: str, index: int) -> "Item":
        """The answer itself."""
        return cls(_MESSAGE, item_id, index)

    @classmethod
    def thought(cls, item_id: str, index: int) -> "Item":
        """What the model thinks before it answers."""
        return cls(_THOUGHT, item_id, index)

    @property
    def text(self) -> str:
        """What has been written so far."""
        return "".join(self._pieces)

    def opened(self) -> list[Body]:
        """The events before the first piece."""
        return [
            ("response.output_item.added", {"output_index": self._index, "item": self._told("in_progress", [])}),
            ("response.content_part.added", self._at | {"part": self._kind.part("")}),
        ]

    def delta(self, text: str) -> Body:
        """One more piece."""
        self._pieces.append(text)
        return f"{self._kind.event}.delta", {**self._at, "delta": text, **self._kind.beside}

    def annotate(self, annotations: Sequence[Json]) -> list[Body]:
        """What is known about places in the text of a message."""
        first = len(self._annotations)
        self._annotations += annotations
        event = f"{self._kind.event}.annotation.added"
        return [
            (event, self._at | {"annotation_index": index, "annotation": annotation})
            for index, annotation in enumerate(annotations, first)
        ]

    def closed(self, status: Status) -> tuple[Json, list[Body]]:
        """The item in its last state, and the events that tell so."""
        part = self._part()  # one for all: an answer of a megabyte is not kept five times
        item = self._told(status, [part])
        return item, [
            (f"{self._kind.event}.done", {**self._at, "text": part["text"], **self._kind.beside}),
            ("response.content_part.done", self._at | {"part": part}),
            ("response.output_item.done", {"output_index": self._index, "item": item}),
        ]

    def so_far(self) -> Json:
        """The item as it stands."""
        return self._told("in_progress", [self._part()])

    def _told(self, status: Status, parts: Sequence[Json]) -> Json:
        return self._kind.item(self._id, status, parts)

    def _part(self) -> Json:
        part = self._kind.part(self.text)
        return part | {"annotations": list(self._annotations)} if self._annotations else part
