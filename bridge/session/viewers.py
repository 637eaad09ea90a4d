"""Who looks, what each may see, and the outbox in which it waits for a slow viewer.

A viewer follows an answer through a cursor into its log, so being slow costs no memory: pending text is merged when the
viewer is ready for more. Events of our own wait in order; a viewer with too many of them is lost.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.session.answers import Answer, Answers
from bridge.session.commands import Command, Show, Tell
from bridge.session.events import ViewerKind
from host_server.wire.errors import WireError, error_event
from host_server.wire.log import AnswerLog

__all__ = ["EVENT_COST", "MAX_FOLLOWED", "OUTBOX_BYTES", "Desk", "Outbox"]

OUTBOX_BYTES = 256 * 1024
EVENT_COST = 300  # what an event costs beside its text, about
MAX_FOLLOWED = 128  # answers not read to their end


@dataclass(slots=True)
class _Reader:
    kind: ViewerKind
    following: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)  # was running when it came; shown once it said how far it has read
    read: dict[str, int] = field(default_factory=dict)  # how far, of answers that are still being looked for


class Desk:
    """Keeps the readers; each method gives the commands that follow."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._readers: dict[str, _Reader] = {}

    def __contains__(self, viewer: object) -> bool:
        return viewer in self._readers

    def kind(self, viewer: str) -> ViewerKind:
        """What sort of viewer this is."""
        return self._readers[viewer].kind

    def join(self, viewer: str, kind: ViewerKind) -> None:
        """A new reader. Answers that are running are held back until `greet`: it may have read part of them before."""
        self._readers[viewer] = _Reader(kind, held={answer.response_id for answer in self._answers.running()})

    def leave(self, viewer: str) -> None:
        """A reader went; nothing is for it any more."""
        self._readers.pop(viewer, None)

    def tell(self, viewer: str, event: Mapping[str, Any]) -> list[Command]:
        """One event for one reader, if it is still there."""
        return [Tell(viewer, event)] if viewer in self._readers else []

    def tell_all(self, event: Mapping[str, Any]) -> list[Command]:
        """One event for everybody."""
        return [Tell(viewer, event) for viewer in self._readers]

    def tell_pages(self, event: Mapping[str, Any]) -> list[Command]:
        """One event for everybody who looks at a page."""
        return [Tell(viewer, event) for viewer, reader in self._readers.items() if reader.kind == "page"]

    def open(self, answer: Answer) -> list[Command]:
        """Announce an answer that begins, or that is found again: then some have read a part of it."""
        name, out = answer.response_id, self.tell_all(answer.question)
        for viewer, reader in self._readers.items():
            reader.following.add(name)
            if name in reader.read:
                out.append(Show(viewer, name, reader.read.pop(name)))
        return out

    def has_read(self, viewer: str, name: str, after: int) -> None:
        """A reader has read so much of an answer that is not here yet."""
        self._readers[viewer].read[name] = after

    def news(self, answer: Answer) -> list[Command]:
        """An answer grew."""
        name = answer.response_id
        return [Show(viewer, name) for viewer, reader in self._readers.items() if name in reader.following]

    def greet(self, viewer: str, resume: Mapping[str, int]) -> list[Command]:
        """A reader said how far it has read: show what it lacks of that, and from the start what it never saw."""
        reader = self._readers.get(viewer)
        if reader is None:
            return []
        out: list[Command] = []
        wanted = {**dict.fromkeys(sorted(reader.held), -1), **resume}
        for name, after in wanted.items():
            reader.read.pop(name, None)
            answer = self._answers.get(name)
            if answer is None:
                out.append(Tell(viewer, error_event(_unknown_answer(name))))
            elif name not in reader.following:
                reader.following.add(name)
                if after < 0 and answer.question:
                    out.append(Tell(viewer, answer.question))
                out.append(Show(viewer, name, after))
        return out

    def forget(self, names: list[str]) -> None:
        """These answers are not kept any more."""
        for reader in self._readers.values():
            reader.following.difference_update(names)
            reader.held.difference_update(names)


class Outbox:
    """What one viewer still has to be sent. `full` means that it is too slow to be kept."""

    def __init__(self, *, limit: int = OUTBOX_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._told: list[Mapping[str, Any]] = []
        self._cursors: dict[str, tuple[AnswerLog, int]] = {}
        self._next_number = 0
        self.full = False

    def tell(self, event: Mapping[str, Any]) -> None:
        """Put in an event of ours; `bridge:` ones are numbered for this connection."""
        if self.full:
            return
        if str(event.get("type")).startswith("bridge:"):
            event = {**event, "sequence_number": self._next_number}
            self._next_number += 1
        self._size += len(json.dumps(event)) + EVENT_COST
        self._told.append(event)
        if self._size > self._limit:
            self.full = True
            self._told.clear()

    def show(self, response_id: str, log: AnswerLog, after: int) -> None:
        """Follow an answer, the first time from after `after`, later from wherever its cursor is."""
        self._cursors.setdefault(response_id, (log, after))
        self.full = self.full or len(self._cursors) > MAX_FOLLOWED

    def forget(self, response_ids: Iterable[str]) -> None:
        """These answers are deleted: what was not read of them is not read any more."""
        for name in response_ids:
            self._cursors.pop(name, None)

    def take(self) -> list[Mapping[str, Any]]:
        """Everything to send now: ours in order, then what each followed answer has new."""
        events, self._told, self._size = self._told, [], 0
        for name, (log, cursor) in list(self._cursors.items()):
            news = log.since(cursor)
            events += news
            if log.terminal is not None:
                del self._cursors[name]
            elif news:
                self._cursors[name] = (log, log.last)
        return events


def _unknown_answer(name: str) -> WireError:
    return WireError("response_not_found", f"The answer {name[:80]} is not kept any more.", param=name[:80])
