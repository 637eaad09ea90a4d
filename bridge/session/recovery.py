"""Answers that a viewer knows and this session does not: an earlier bridge showed them, the host may still have them.

A page outlives the bridge. When it says how far it had read, the answer is fetched from the host, from its first event,
and the page reads on from where it was: the rest of one that still runs, or the end that it just missed. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bridge.session.answers import Answer, Answers
from bridge.session.commands import Command, Record, Recover
from bridge.session.events import AnswerFound, AnswerOver, AnswerSaid
from bridge.session.viewers import Desk
from host_server.wire.log import AnswerLog, LogError

__all__ = ["MAX_WANTED", "Recovery"]

MAX_WANTED: Final = 16
"""Fetched at once; a page has one unfinished answer, rarely two."""


@dataclass(slots=True)
class _Wanted:
    viewers: dict[str, int] = field(default_factory=dict)  # who wants it, after which event
    found: AnswerFound | None = None
    sought: bool = False


class Recovery:
    """Each method gives the commands that follow."""

    def __init__(self, answers: Answers, desk: Desk) -> None:
        self._answers = answers
        self._desk = desk
        self._wanted: dict[str, _Wanted] = {}

    def greet(self, viewer: str, resume: Mapping[str, int], *, host_up: bool) -> list[Command]:
        """A viewer said how far it has read; what is not known here is looked for as soon as a host answers."""
        if viewer not in self._desk:
            return []
        known = dict(resume)
        for name, after in resume.items():
            if name in self._answers or (name not in self._wanted and len(self._wanted) >= MAX_WANTED):
                continue
            self._wanted.setdefault(name, _Wanted()).viewers[viewer] = after
            self._desk.has_read(viewer, name, after)
            del known[name]
        return self._desk.greet(viewer, known) + (self.seek() if host_up else [])

    def seek(self) -> list[Command]:
        """A host answers: look there for what is wanted."""
        new = [name for name, wanted in self._wanted.items() if not wanted.sought]
        for name in new:
            self._wanted[name].sought = True
        return [Recover(name) for name in new]

    def found(self, event: AnswerFound) -> list[Command]:
        """The host has it, and it is this phone's."""
        wanted = self._wanted.get(event.response_id)
        if wanted is None:
            return []
        wanted.found = event
        if event.response_id not in self._answers:
            sha256 = event.capture.sha256 if event.capture else None
            answer = Answer(event.response_id, {}, sha256, event.capture, AnswerLog())
            self._desk.forget(self._answers.add(answer))
        return self._show(event.response_id, wanted)

    def said(self, event: AnswerSaid) -> list[Command]:
        """The next event of one that was found."""
        answer, wanted = self._answers.get(event.response_id), self._wanted.get(event.response_id)
        if answer is None or wanted is None or wanted.found is None:
            return []
        try:
            answer.log.append(dict(event.event))
        except LogError:  # its question is being asked again here as well, and was told this before
            return []
        return self._desk.news(answer) + self._journalled(answer, wanted.found)

    def over(self, event: AnswerOver) -> list[Command]:
        """Nothing more comes of it; who waits for one that was not found hears that it is lost."""
        wanted = self._wanted.get(event.response_id)
        if wanted is None:
            return []
        if event.host_went and wanted.found is None:
            wanted.sought = False  # until one is there again
            return []
        del self._wanted[event.response_id]
        return self._show(event.response_id, wanted) if wanted.found is None else []

    def _show(self, response_id: str, wanted: _Wanted) -> list[Command]:
        return [c for viewer, after in wanted.viewers.items() for c in self._desk.greet(viewer, {response_id: after})]

    @staticmethod
    def _journalled(answer: Answer, found: AnswerFound) -> list[Command]:
        """The one who asked is gone, so what it would have written down is written down here."""
        if not answer.ended or answer.interrupted or answer.status == "failed" or found.capture is None:
            return []
        return [Record(found.capture.capture_id, found.question_id, answer.response_id, answer.status, answer.text)]
