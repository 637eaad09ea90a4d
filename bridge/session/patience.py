"""How long a question is tried, and what becomes of it then: told to whom it concerns, journalled, or left for later.

Pure. A picture that only met a busy, ending or full host is not given up for good: it stays in the spool, owed an
answer, and gets a second chance when the host shows that it is well again.
"""

from bridge.session.commands import Command, Record, RetryLater
from bridge.session.line import Line, Question
from bridge.session.report import Reporter
from bridge.session.telling import capture_event
from bridge.session.viewers import Desk
from host_server.wire.errors import WireError, error_event

__all__ = ["MAX_TRIES", "Patience", "lost", "recorded"]

MAX_TRIES = 8
_RETRY_FIRST_S, _RETRY_LONGEST_S = 0.25, 30.0
_NO_ROOM = "free some space on the host's disk; the picture is kept here until then"


class Patience:
    """Each method gives the commands that follow. `host_up`: while no host answers, none is used up."""

    def __init__(self, line: Line, desk: Desk, report: Reporter) -> None:
        self.host_up = False
        self._line = line
        self._desk = desk
        self._report = report
        self._left_behind: set[str] = set()
        self._host_well = False

    def host_came(self) -> None:
        """Nothing is held against a question that an earlier host had no time for."""
        self.host_up = self._host_well = True
        for question in self._line:
            question.tries, question.resting = 0, False

    def host_answered(self) -> None:
        """It has room and time, at least for some."""
        self._host_well = True

    def second_chances(self) -> set[str]:
        """The captures that were given up for lack of room or time, once the host shows that it has some again."""
        if not self._host_well:
            return set()
        chances, self._left_behind = self._left_behind, set()
        return chances

    def put_off(self, now: float, question: Question, error: WireError) -> list[Command]:
        """A question in the line tries later, or not any more."""
        if not self.host_up:
            return []
        question.tries += 1
        if question.tries > MAX_TRIES:
            self._line.leave(question)
            return self.give_up(now, question, error, final=False)
        told: list[Command] = []
        if error.code == "storage_full" and question.tries == 1:  # which no waiting cures
            told = [self._report.error(now, error.code, error.message, hint=_NO_ROOM)]
        asked_for = (error.retry_after_ms or 0) / 1000
        return told + self.rest(question, max(asked_for, _RETRY_FIRST_S * 2 ** (question.tries - 1)))

    @staticmethod
    def rest(question: Question, seconds: float) -> list[Command]:
        """Not before so many seconds."""
        question.resting = True
        return [RetryLater(question.question_id, min(seconds, _RETRY_LONGEST_S))]

    def give_up(self, now: float, question: Question, error: WireError, *, final: bool) -> list[Command]:
        """No answer: tell who asked, and for a picture everybody."""
        question.given_up = True
        if question.own is not None:
            if not final and error.code != "hash_mismatch":  # that one is the picture's own fault
                self._left_behind.add(question.own.capture_id)
                self._host_well = False
            out = recorded(question, "", "failed", error.message) if final else []
            out += self._desk.tell_all(capture_event(question.own, "failed", error))
        else:
            error.event_id = question.event_id
            out = self._desk.tell(str(question.viewer), error_event(error))
        capture_id = question.capture.capture_id if question.capture else None
        about = {"capture_id": capture_id, "question": question.text, "retryable": not final}
        out.append(self._report.error(now, error.code, error.message, final=True, **about))
        return out


def recorded(question: Question, response_id: str, status: str, text: str) -> list[Command]:
    """Journal it; a viewer's question that failed leaves the picture's own question open."""
    if question.capture is None or (question.viewer is not None and status == "failed"):
        return []
    return [Record(question.capture.capture_id, question.question_id, response_id, status, text)]


def lost() -> WireError:
    """What is said of a question that no host took."""
    return WireError("engine_unavailable", "The host went away and did not come back in time.")
