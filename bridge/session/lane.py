"""The way of one phone's questions to the host and of the answers back: one at a time, in order. Pure.

```
 line ─► picture uploaded ─► asked ─► accepted ─► … ─► answered | failed | cancelled ─► journalled
  ▲ ▲                          │          │
  │ └─── put off: busy, lost ──┘          └── interrupted: asked again, as `retry_of`; in the end reported
```
What arrives for a question that is not the one being asked is late, and ignored.
"""

from collections.abc import Mapping
from typing import Any

from bridge.session.answers import Answer, Answers
from bridge.session.commands import AskHost, CancelAtHost, Command, Forget, Upload
from bridge.session.events import AskRefused, HostSaid, PhoneInfo, Uploaded, UploadRefused
from bridge.session.line import Line, Question, response_create
from bridge.session.patience import Patience, lost, recorded
from bridge.session.pictures import Pictures
from bridge.session.report import Reporter
from bridge.session.telling import capture_event, question_event
from bridge.session.viewers import Desk
from host_server.wire.errors import WireError, error_event
from host_server.wire.log import AnswerLog, LogError, LogFullError

__all__ = ["MAX_INTERRUPTIONS", "Lane"]

MAX_INTERRUPTIONS = 5  # of the answer about one picture; then the failure is its answer
_UPLOADS_AHEAD = 4


class Lane:
    """Each method takes one event and gives the commands that follow at once; `pump` then starts what can start."""

    def __init__(self, phone: PhoneInfo, *, model: str | None, answers: Answers, desk: Desk, report: Reporter) -> None:
        self.line = Line()
        self.pictures = Pictures()
        self._device_id = phone.device_id
        self._model = model
        self._answers = answers
        self._desk = desk
        self._report = report
        self._asked: Question | None = None
        self.patience = Patience(self.line, desk, report)

    @property
    def host_up(self) -> bool:
        """Whether a host answers now."""
        return self.patience.host_up

    # ---------------------------------------------------------------------------------------- in

    def join(self, question: Question) -> int:
        """Take a question; gives its place."""
        self.line.join(question)
        return self.place(question)

    def place(self, question: Question) -> int:
        """Where a question stands: 1 is the next to be asked, 0 being asked."""
        before = self.line.place(question)
        return 0 if before is None else before + 1 + (self._asked is not None)

    def waiting_for(self, viewer: str) -> int:
        """How many questions of this viewer have no answer yet."""
        return sum(question.viewer == viewer for question in self.line)

    def host_went(self) -> None:
        """Nothing is sent until a host comes."""
        self.patience.host_up = False
        self.pictures.host_went()

    def pump(self) -> list[Command]:
        """Start what can start: the next pictures' uploads, and the question at the head of the line."""
        if not self.host_up:
            return []
        out: list[Command] = []
        for question in list(self.line)[:_UPLOADS_AHEAD]:
            sha256 = self._lacking(question)
            if sha256 is not None and not question.resting and self.pictures.may_start(sha256):
                self.pictures.start(sha256)
                out.append(Upload(sha256))
        head = self.line.head
        if self._asked is None and head is not None and not head.resting and self._lacking(head) is None:
            self.line.leave(head)
            self._asked = head
            create = response_create(head, device_id=self._device_id, model=self._model)
            out.append(AskHost(head.question_id, create))
        return out

    # ---------------------------------------------------------------------------------------- pictures

    def uploaded(self, event: Uploaded, now: float) -> list[Command]:
        """A picture arrived at the host."""
        self.pictures.arrived(event.sha256)
        out: list[Command] = []
        for question in self._about(event.sha256):
            question.upload_ms = event.took_ms
            if question.own is not None:
                out += self._desk.tell_all(capture_event(question.own, "uploaded"))
                out.append(self._report.capture(now, question.own, "uploaded"))
        return out

    def upload_refused(self, event: UploadRefused, now: float) -> list[Command]:
        """The host will not have a picture, now or ever: so it is with every question about it."""
        self.pictures.stop(event.sha256)
        out: list[Command] = []
        for question in self._about(event.sha256):
            if event.retryable or event.error.code == "storage_full":  # no fault of the picture's
                out += self.patience.put_off(now, question, event.error)
            else:
                self.line.leave(question)
                out += self.patience.give_up(now, question, event.error, final=True)
        return out

    def upload_lost(self, sha256: str, now: float) -> list[Command]:
        """The way to the host broke. While the host is away the line waits anyway."""
        self.pictures.stop(sha256)
        if not self.host_up:
            return []
        return [command for question in self._about(sha256) for command in self.patience.put_off(now, question, lost())]

    def send_ahead(self, sha256: str) -> list[Command]:
        """A question about this picture is to be expected: save it the wait, if the way is free."""
        if not self.host_up or not self.pictures.may_start(sha256):
            return []
        self.pictures.start(sha256)
        return [Upload(sha256)]

    def delete(self, sha256: str) -> list[Command]:
        """A picture is deleted: nothing is asked about it any more, nothing more of its answers is shown."""
        self.pictures.stop(sha256)
        self.pictures.missed(sha256)
        gone = self._answers.drop(sha256)
        self._desk.forget(gone)
        out: list[Command] = [Forget(tuple(gone))]
        for question in self.line:
            if question.sha256 == sha256:
                self.line.leave(question)
                question.given_up = True
                error = WireError("capture_not_found", "This picture was deleted.", event_id=question.event_id)
                out += self._desk.tell(str(question.viewer), error_event(error))
        asked = self._asked
        if asked is not None and asked.sha256 == sha256:
            asked.given_up = True
            if asked.answer is not None:
                self._asked = None
                out.append(CancelAtHost(asked.answer.response_id))
        return out

    # ---------------------------------------------------------------------------------------- answers

    def said(self, event: HostSaid, now: float) -> list[Command]:
        """The host wrote something."""
        question = self._asked
        if question is None or question.question_id != event.question_id:
            return []
        if question.answer is None:
            return self._accepted(now, question, event.event)
        return self._grown(now, question, question.answer, event.event)

    def refused(self, event: AskRefused, now: float) -> list[Command]:
        """The host refused the question. Some reasons are cured by asking in another way, some by waiting."""
        question = self._take_asked(event.question_id)
        if question is None:
            return []
        if event.error.code == "previous_response_not_found" and question.chain is not None:
            question.chain = None  # the chain is lost: ask with the picture again, which is another question
            question.version += 1
            self.line.join_first(question)
            return []
        if event.error.code == "capture_not_found" and self._can_send_again(question):
            question.sent_again = True
            self.line.join_first(question)
            return []
        if event.retryable:
            self.line.join_first(question)
            return self.patience.put_off(now, question, event.error)
        return self.patience.give_up(now, question, event.error, final=True)

    def lost(self, question_id: str, now: float) -> list[Command]:
        """The host went before it accepted the question: the same question again, under the same key."""
        question = self._take_asked(question_id)
        if question is None:
            return []
        self.line.join_first(question)
        return self.patience.put_off(now, question, lost())

    def rested(self, question_id: str) -> None:
        """A question has waited as long as it should."""
        for question in self.line:
            if question.question_id == question_id:
                question.resting = False

    def cancel(self, response_id: str) -> list[Command] | None:
        """Stop an answer, also one that was interrupted and waits to be asked again. None when there is none."""
        asked = self._asked
        if asked is not None and asked.answer is not None and asked.answer.response_id == response_id:
            asked.cancelled = True
            return [CancelAtHost(response_id)]
        for question in self.line:
            if question.retry_of == response_id:
                self.line.leave(question)
                question.given_up = True
                return recorded(question, response_id, "cancelled", "")
        return [] if response_id in self._answers else None

    # ---------------------------------------------------------------------------------------- helpers

    def _lacking(self, question: Question) -> str | None:
        """The picture that has to be at the host before this question."""
        if question.sha256 is None or question.chain is not None or self.pictures.at_host(question.sha256):
            return None
        return question.sha256

    def _can_send_again(self, question: Question) -> bool:
        return not question.sent_again and question.sha256 is not None and self.pictures.missed(question.sha256)

    def _about(self, sha256: str) -> list[Question]:
        return [question for question in self.line if question.sha256 == sha256 and question.chain is None]

    def _take_asked(self, question_id: str) -> Question | None:
        question = self._asked
        if question is None or question.question_id != question_id or question.answer is not None:
            return None
        self._asked = None
        return None if question.given_up else question

    def _accepted(self, now: float, question: Question, event: Mapping[str, Any]) -> list[Command]:
        response = event.get("response")
        name = response.get("id") if isinstance(response, Mapping) else None
        if event.get("type") != "response.created" or not isinstance(response, Mapping) or not isinstance(name, str):
            return []
        answer = self._answers.get(name)
        if answer is not None and answer.question:  # the host knew the key: this very answer has been shown already
            self._asked = None
            return []
        if question.given_up:  # its picture was deleted meanwhile
            self._asked = None
            return [CancelAtHost(name), Forget((name,))]
        if answer is None:
            answer = Answer(name, {}, question.sha256, question.capture, AnswerLog())
            self._desk.forget(self._answers.add(answer))
        answer.question = question_event(question, name, response)
        question.answer = answer
        out = self._desk.open(answer)
        out.append(self._report.question(now, answer.question))
        return out + self._grown(now, question, answer, event)

    def _grown(self, now: float, question: Question, answer: Answer, event: Mapping[str, Any]) -> list[Command]:
        try:
            answer.log.append(dict(event))
        except LogFullError:
            # Longer than anybody will read on a phone: what is there stays, the rest is not wanted.
            wanted, answer.overflowed = not answer.overflowed, True
            return [CancelAtHost(answer.response_id)] if wanted else []
        except LogError:  # maybe because this answer was found again before its question was asked again
            return self._ended(now, question, answer) if answer.ended else []
        out = self._desk.news(answer)
        if event.get("type") == "response.queued" and event.get("reason") == "loading":
            out.append(self._report.loading(now, answer))
        if event.get("type") == "response.output_text.delta":
            question.first_token_at = question.first_token_at or now
            out.append(self._report.delta(now, answer, event))
        return out + self._ended(now, question, answer) if answer.ended else out

    def _ended(self, now: float, question: Question, answer: Answer) -> list[Command]:
        self._asked = None
        patience = MAX_INTERRUPTIONS if question.own is not None else 1
        if answer.interrupted and not question.cancelled and question.interruptions < patience:
            return self._ask_again(now, question, answer)
        if answer.status == "completed":
            self.patience.host_answered()
        error = answer.response.get("error") or {}
        text = _message(error) if answer.status == "failed" else answer.text
        out = recorded(question, answer.response_id, answer.status, text)
        if answer.status == "failed" and question.own is not None:
            out += self._desk.tell_all(capture_event(question.own, "failed"))
        out.append(self._report.answer(now, question, answer))
        return out

    def _ask_again(self, now: float, question: Question, answer: Answer) -> list[Command]:
        """An answer was interrupted: once more, from the start, and with the picture.

        A person who asked asks again himself when that fails too; nobody would for a picture of the camera folder. Its
        later tries let the other pictures go first: it may be the one that breaks the host.
        """
        question.interruptions += 1
        question.retry_of, question.answer, question.first_token_at = answer.response_id, None, None
        question.chain = None
        if not answer.forgotten:
            question.version += 1
        if question.interruptions == 1:
            self.line.join_first(question)
        else:
            self.line.join(question)
        error = answer.response.get("error") or {"reason": "interrupted", "message": "The answer was interrupted."}
        about: dict[str, Any] = {"response_id": answer.response_id, "retryable": True}
        told = self._report.error(now, _code(error), f"{_message(error)} Asking again.", **about)
        wait = error.get("retry_after_ms", answer.response.get("retry_after_ms"))
        rest = self.patience.rest(question, wait / 1000) if isinstance(wait, int) and wait > 0 else []
        return [told, *rest]


def _code(error: Mapping[str, Any]) -> str:
    return str(error.get("reason") or error.get("code") or "internal")


def _message(error: Mapping[str, Any]) -> str:
    return str(error.get("message") or "The answer failed.")
