"""The judge: what a soak left behind, compared with what was promised. `complaints` is empty when all is well.

Four witnesses that know nothing of each other: the spool's journal, the host's log (which questions it accepted), the
terminal of every life of the bridge, and the page, which kept each event it was sent.
"""

import json
import signal
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.soak.stage import Stage, progress

__all__ = ["Ledger", "judged"]

TERMINAL = ("response.completed", "response.incomplete", "response.failed")


async def judged(play: Stage) -> None:
    """Let everything be answered, end the bridge in order, and find nothing to complain about."""
    await play.up()
    await play.shoot()
    await play.all_answered()
    assert await play.end_bridge(signal.SIGINT) == 0, play.last_words()
    ledger = Ledger(play)
    progress(ledger.summary(), end=True)
    assert ledger.complaints() == [], ledger.summary()


@dataclass(frozen=True)
class _Accepted:
    capture_id: str
    response_id: str
    at: float


class Ledger:
    """Read once, when the bridge has ended. `cut_hosts`: how many lives of the host ended without a word."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._spool = stage.state / "spool"
        self._accepted = list(_accepted(stage.state / "host.log"))
        with closing(sqlite3.connect(self._spool / "journal.sqlite")) as journal:
            self._captures = journal.execute("SELECT capture_id, name, state, sha256 FROM captures").fetchall()
            columns = "capture_id, response_id, status, text, answered_at"
            self._answers = journal.execute(f"SELECT {columns} FROM answers").fetchall()  # ruff: ignore[hardcoded-sql-expression]
            self._check = journal.execute("PRAGMA integrity_check").fetchall()

    def complaints(self) -> list[str]:
        """Everything that is not as promised."""
        found = [*self._lost(), *self._twice(), *self._histories(), *self._told(), *self._leftovers()]
        return [f"seed {self._stage.seed}: {complaint}" for complaint in found]

    def summary(self) -> str:
        """What was counted."""
        page = self._stage.page.history
        counted = {
            "lives of the bridge": len(self._stage.lives),
            "hosts killed": self._stage.host_kills,
            "pictures": len(self._stage.pictures),
            "captures": len(self._captures),
            "answers journalled": len(self._answers),
            "questions accepted": len(self._accepted),
            "answers on the page": len(page),
            "events there": sum(map(len, page.values())),
        }
        return f"seed {self._stage.seed}: " + ", ".join(f"{count} {what}" for what, count in counted.items())

    # ---------------------------------------------------------------------------------------- none lost

    def _lost(self) -> Iterator[str]:
        names = Counter(name for _, name, _, _ in self._captures)
        answers: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        ids = {capture_id: name for capture_id, name, _, _ in self._captures}
        for capture_id, _, status, text, _ in self._answers:
            answers[ids[capture_id]].append((status, text))
        for name, size in self._stage.pictures.items():
            if names[name] != 1:
                yield f"{name} is in the spool {names[name]} times"
            elif answers[name] != [("completed", self._stage.text(size))]:
                yield f"{name} ({size[0]}x{size[1]}) has the answers {answers[name]}"
        for name in names.keys() - self._stage.pictures.keys():
            yield f"{name} was never taken"

    # ---------------------------------------------------------------------------------------- none twice

    def _twice(self) -> Iterator[str]:
        """A host is asked about a picture once in its life, and never about one that has its answer."""
        answered = {capture_id: at for capture_id, _, _, _, at in self._answers}
        asked: defaultdict[str, list[_Accepted]] = defaultdict(list)
        for question in self._accepted:
            asked[question.capture_id].append(question)
            if question.at > answered.get(question.capture_id, question.at):
                yield f"{question.capture_id} was asked about again after its answer, as {question.response_id}"
        for capture_id, questions in asked.items():
            if len(questions) > 1 + self._stage.host_kills:
                yield f"{capture_id} was accepted {len(questions)} times, with {self._stage.host_kills} hosts killed"
        if not self._stage.host_kills:
            known = {question.response_id for question in self._accepted}
            strange = {response_id for _, response_id, _, _, _ in self._answers} - known
            yield from (f"the answer {response_id} was never accepted" for response_id in strange)

    # ---------------------------------------------------------------------------------------- clean histories

    def _histories(self) -> Iterator[str]:
        journalled = {response_id: text for _, response_id, _, text, _ in self._answers}
        for response_id, events in self._stage.page.history.items():
            lost = response_id in self._stage.page.lost and self._stage.host_kills > 0
            for complaint in _of_one(events, lost=lost):
                yield f"the page's {response_id}: {complaint}"
            text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
            if response_id in journalled and text != journalled[response_id]:
                yield f"the page read {text!r} of {response_id}, journalled is {journalled[response_id]!r}"

    def _told(self) -> Iterator[str]:
        """The terminal may be told twice of one answer, when the bridge died in between, but not of two."""
        told: dict[str, tuple[str, str]] = {}
        for life in self._stage.lives:
            for event in life.events:
                if event["event"] != "answer":
                    continue
                answer = (event["status"], event["text"])
                if told.setdefault(event["response_id"], answer) != answer:
                    yield f"the terminal was told two ends of {event['response_id']}"

    def _leftovers(self) -> Iterator[str]:
        if self._check != [("ok",)]:
            yield f"the journal is damaged: {self._check}"
        if left := list((self._spool / "incoming").iterdir()):
            yield f"half pulled pictures are left: {left}"
        blobs = {path.name for path in (self._spool / "blobs").iterdir()}
        if blobs != {sha256 for _, _, _, sha256 in self._captures}:
            yield f"{len(blobs)} blobs for {len({c[3] for c in self._captures})} pictures"
        if self._stage.phone.reverse_listeners:
            yield f"a reverse is left on the phone: {self._stage.phone.reverse_listeners}"


def _of_one(events: Sequence[Mapping[str, Any]], *, lost: bool) -> Iterator[str]:
    """One answer's events: numbered without a gap, merged text counted piece by piece, one terminal event, the last.

    Where host and bridge both died nobody can close an answer; the page is told that it is lost.
    """
    numbers = [number for event in events for number in _numbers(event)]
    gaps = [(before, after) for before, after in pairwise(numbers) if after != before + 1]
    if numbers[:1] != [0] or gaps:
        yield f"its numbers begin with {numbers[0]} and jump at {gaps}"
    ends = [event["type"] for event in events if event["type"] in TERMINAL]
    if len(ends) != 1 - lost or (not lost and events[-1]["type"] not in TERMINAL):
        yield f"it has the ends {ends}, its last event is {events[-1]['type']}"


def _numbers(event: Mapping[str, Any]) -> list[int]:
    return [number for number, _ in event["merged"]] if "merged" in event else [event["sequence_number"]]


def _accepted(log: Path) -> Iterator[_Accepted]:
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # what a host says before its log is set up
            continue
        if entry.get("event") == "accepted":
            at = datetime.fromisoformat(entry["timestamp"]).timestamp()
            yield _Accepted(entry["capture_id"], entry["response_id"], at)
