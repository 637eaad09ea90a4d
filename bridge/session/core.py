"""SessionCore: one phone's conversation. Events in, commands out; no clock, socket, thread or asyncio.

It knows the phone, its pictures and who looks; `Lane` knows the host, `Desk` the viewers. After every event the lane is
pumped, so nothing that can start is left waiting.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from bridge.session import events as on
from bridge.session.answers import Answers
from bridge.session.commands import Command, LoadPending, Record
from bridge.session.events import PhoneInfo
from bridge.session.lane import Lane
from bridge.session.line import AskedBy, Question
from bridge.session.messages import Ask
from bridge.session.recent import Recent
from bridge.session.recovery import Recovery
from bridge.session.report import Reporter
from bridge.session.telling import (
    capture_event,
    deleted_event,
    device_event,
    held_event,
    host_event,
    pause_event,
    prompts_event,
    ready_event,
    waiting_event,
)
from bridge.session.viewers import Desk
from bridge.spool import Capture, Source
from host_server.wire.errors import WireError, error_event
from host_server.wire.log import AnswerLog

__all__ = ["MAX_PER_VIEWER", "SessionCore"]

MAX_PER_VIEWER = 16
_MAX_CAPTURES = 1024  # remembered, so that none is asked about twice
_MAX_ASKS = 256  # likewise
_ASKED_BY: dict[Source, AskedBy] = {"camera": "camera", "page": "page", "screen": "terminal", "file": "terminal"}
_ROOM = 64  # the line is this short again before more of the spool's backlog is taken in


class SessionCore:
    """Feed it with `handle`, do what it says. `nonce` makes the names of its questions its own."""

    def __init__(
        self,
        phone: PhoneInfo,
        *,
        prompt: str,
        nonce: str,
        model: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._phone = phone
        self._prompt = prompt
        self._options = dict(options or {})  # what belongs to the prompt besides its words
        self._prompts: tuple[Mapping[str, Any], ...] = ()
        self._nonce = nonce
        self._model = model
        self._answers = Answers()
        self._desk = Desk(self._answers)
        self.report = Reporter(phone)
        self._lane = Lane(phone, model=model, answers=self._answers, desk=self._desk, report=self.report)
        self._recovery = Recovery(self._answers, self._desk)
        self._captures: Recent[str, None] = Recent(_MAX_CAPTURES)
        self._asks: Recent[tuple[str, str], Question] = Recent(_MAX_ASKS)
        self._models: tuple[str, ...] = ()
        self._asked = 0
        self._left_out = False  # pictures are in the spool that found no place in the line
        self._host_missed = False
        self.paused = False
        self.held = 0

    def handle(self, event: on.Event, now: float) -> list[Command]:
        """Take one event, `now` being Unix time; do the commands at once and in order, before the next event."""
        out = self._dispatch(event, now)
        out += self._lane.pump()
        for capture_id in self._lane.patience.second_chances():
            self._left_out = self._captures.drop(capture_id) or self._left_out
        if self._left_out and self._lane.host_up and len(self._lane.line) < _ROOM and not self.paused:
            self._left_out = False
            out.append(LoadPending())
        return out

    @property
    def waiting(self) -> int:
        """How many questions stand in line."""
        return len(self._lane.line)

    def log(self, response_id: str) -> AnswerLog | None:
        """The log a `Show` speaks of."""
        answer = self._answers.get(response_id)
        return answer.log if answer is not None else None

    def picture(self, response_id: str) -> str | None:
        """The picture that an answer is about."""
        answer = self._answers.get(response_id)
        return answer.sha256 if answer is not None else None

    def _dispatch(self, event: on.Event, now: float) -> list[Command]:  # ruff: ignore[complex-structure, too-many-branches] - the table of events
        match event:
            case on.HostSaid():  # first, because there are so many of them
                return self._lane.said(event, now)
            case on.CaptureTaken():
                return self._captured(event.capture, event.prompt, now)
            case on.PageBrought(capture=capture):
                return [*self._tell_capture(now, capture, "pulled"), *self._lane.send_ahead(capture.sha256)]
            case on.PictureDeleted():
                return self._deleted(event, now)
            case on.PicturesHeld(count=count):
                self.held = count
                return self._desk.tell_all(held_event(count))
            case on.Uploaded():
                return self._lane.uploaded(event, now)
            case on.UploadRefused():
                return self._lane.upload_refused(event, now)
            case on.UploadLost(sha256=sha256):
                return self._lane.upload_lost(sha256, now)
            case on.HostCame(models=models):
                return self._host_came(models, now)
            case on.HostWent():
                return self._host_went(now)
            case on.AskRefused():
                return self._lane.refused(event, now)
            case on.AskLost(question_id=question_id):
                return self._lane.lost(question_id, now)
            case on.RetryDue(question_id=question_id):
                self._lane.rested(question_id)
            case on.ViewerCame():
                return self._viewer_came(event)
            case on.ViewerGreeted(viewer=viewer, resume=resume):
                return self._greet(viewer, resume)
            case on.AnswerFound():
                return self._recovery.found(event)
            case on.AnswerSaid():
                return self._recovery.said(event)
            case on.AnswerOver():
                return self._recovery.over(event)
            case on.CatchUpDue(viewer=viewer):
                return self._desk.greet(viewer, {})
            case on.ViewerAsked():
                return self._viewer_asked(event, now)
            case on.ViewerCancelled():
                return self._viewer_cancelled(event)
            case on.ViewerErred(viewer=viewer, error=error):
                return self._desk.tell(viewer, error_event(error))
            case on.ViewerLeft(viewer=viewer):
                self._desk.leave(viewer)
            case on.PauseSet(paused=paused):
                return self._pause(now, paused=paused)
            case on.PromptsGiven(prompts=prompts):
                self._prompts = prompts
                return self._desk.tell_pages(prompts_event(prompts))
            case on.DeviceChanged():
                return self._device_changed(event, now)
            case _:  # pragma: no cover - mypy proves that nothing is left
                assert_never(event)
        return []

    # ---------------------------------------------------------------------------------------- pictures

    def _captured(self, capture: Capture, prompt: str | None, now: float) -> list[Command]:
        if capture.capture_id in self._captures:
            return []
        if self._lane.line.full:
            self._left_out = True
            return self._tell_capture(now, capture, "waiting")
        self._captures.put(capture.capture_id, None)
        if self.paused and capture.source == "camera":
            skipped = Record(capture.capture_id, "", "", "skipped", "")
            return [skipped, *self._tell_capture(now, capture, "skipped")]
        state = "pulled" if self._lane.host_up else "waiting"
        self._lane.join(self._own_question(capture, prompt))
        return self._tell_capture(now, capture, state)

    def _tell_capture(self, now: float, capture: Capture, state: str) -> list[Command]:
        return [*self._desk.tell_all(capture_event(capture, state)), self.report.capture(now, capture, state)]

    def _own_question(self, capture: Capture, prompt: str | None) -> Question:
        """The question every picture gets. Its name is the same after a restart, so the host can tell it was asked.

        With a prompt of its own somebody at the terminal asks about it, wherever the picture comes from.
        """
        asked_by: AskedBy = "terminal" if prompt else _ASKED_BY[capture.source]
        prompt = prompt or self._prompt
        options = self._options_of(prompt)
        told = [json.dumps(options, sort_keys=True)] if options else []
        name = _named(capture.capture_id, self._model or "", prompt, *told)
        return Question(
            name, prompt, asked_by, since=capture.taken_at, sha256=capture.sha256, capture=capture, options=options
        )

    def _options_of(self, text: str) -> Mapping[str, Any]:
        """What the session's own prompt is asked with, by whomever; any other text stands for itself."""
        return self._options if text == self._prompt else {}

    def _deleted(self, event: on.PictureDeleted, now: float) -> list[Command]:
        told = self._desk.tell_all(deleted_event(event.sha256, event.captures))
        seen = [self.report.capture(now, capture, "deleted") for capture in event.captures]
        return [*told, *self._lane.delete(event.sha256), *seen]

    # ---------------------------------------------------------------------------------------- viewers

    def _viewer_came(self, event: on.ViewerCame) -> list[Command]:
        self._desk.join(event.viewer, event.kind)
        ready = ready_event(
            self._phone,
            prompt=self._prompt,
            model=self._model,
            models=self._models,
            watching=not self.paused,
            held=self.held,
            host_up=self._lane.host_up,
            answers=self._answers.names,
        )
        out = self._desk.tell(event.viewer, ready)
        if self._prompts and event.kind == "page":
            out += self._desk.tell(event.viewer, prompts_event(self._prompts))
        return out if event.resume is None else out + self._greet(event.viewer, event.resume)

    def _greet(self, viewer: str, resume: Mapping[str, int]) -> list[Command]:
        return self._recovery.greet(viewer, resume, host_up=self._lane.host_up)

    def _viewer_asked(self, event: on.ViewerAsked, now: float) -> list[Command]:
        if event.viewer not in self._desk:
            return []
        name = (event.ask.event_id or "", event.ask.text)
        known = self._asks.get(name)
        if known is not None and not known.given_up:
            return self._asked_before(event.viewer, known)
        try:
            question = self._viewers_question(event, now)
        except WireError as error:
            error.event_id = event.ask.event_id
            return self._desk.tell(event.viewer, error_event(error))
        place = self._lane.join(question)
        if event.ask.event_id is not None:
            self._asks.put(name, question)
        return [] if place == 1 and self._lane.host_up else self._tell_place(question, place)

    def _asked_before(self, viewer: str, question: Question) -> list[Command]:
        """A page that lost its connection asks again what may have arrived: it gets that, not another answer."""
        question.viewer = viewer
        if question.answer is not None:
            return self._greet(viewer, {question.answer.response_id: -1})
        place = self._lane.place(question)
        return self._tell_place(question, place) if place else []

    def _tell_place(self, question: Question, place: int) -> list[Command]:
        told = waiting_event(question, place, host_up=self._lane.host_up)
        return self._desk.tell(str(question.viewer), told)

    def _viewers_question(self, event: on.ViewerAsked, now: float) -> Question:
        ask = event.ask
        if self._lane.waiting_for(event.viewer) >= MAX_PER_VIEWER:
            raise WireError("too_many_inflight", f"{MAX_PER_VIEWER} of your questions wait for their answer already.")
        if self._lane.line.full:
            raise WireError("queue_full", "Too many questions wait for their answer.")
        question = Question(
            self._name(ask),
            ask.text,
            self._desk.kind(event.viewer),
            since=now,
            sha256=ask.sha256,
            capture=event.capture,
            options={**self._options_of(ask.text), **ask.options},
            viewer=event.viewer,
            event_id=ask.event_id,
        )
        self._build_on(question, ask)
        if question.sha256 is not None and question.capture is None:
            raise WireError("capture_not_found", "This phone took no such picture.", param="input")
        return question

    def _name(self, ask: Ask) -> str:
        """One that the asker named gets the same name from every bridge, so the host can tell that it was asked."""
        if ask.event_id is not None:
            about = [ask.text, ask.sha256, ask.previous_response_id, ask.options]
            return _named(self._phone.device_id, ask.event_id, json.dumps(about, sort_keys=True, default=str))
        self._asked += 1
        return f"q_{self._nonce}_{self._asked}"

    def _build_on(self, question: Question, ask: Ask) -> None:
        """Another question about the picture of an earlier answer; another picture begins anew."""
        if ask.previous_response_id is None:
            return
        earlier = self._answers.get(ask.previous_response_id)
        if earlier is None and ask.sha256 is None:
            raise WireError("previous_response_not_found", "That answer is gone.", param="previous_response_id")
        if earlier is None or ask.sha256 not in {None, earlier.sha256}:
            return
        question.sha256, question.capture = earlier.sha256, question.capture or earlier.capture
        question.chain = earlier.response_id if earlier.status == "completed" else None

    def _viewer_cancelled(self, event: on.ViewerCancelled) -> list[Command]:
        out = self._lane.cancel(event.response_id)
        if out is None:
            error = WireError("response_not_found", "There is no such answer.", event_id=event.event_id)
            return self._desk.tell(event.viewer, error_event(error))
        return out

    # ---------------------------------------------------------------------------------------- states

    def _host_came(self, models: Sequence[str], now: float) -> list[Command]:
        self._models = tuple(models)
        self._lane.patience.host_came()
        told = [*self._desk.tell_all(host_event(self._models, up=True)), *self._recovery.seek()]
        if self._host_missed:
            self._host_missed = False
            told.append(self.report.device(now, "host", "the host answers again"))
        return told

    def _host_went(self, now: float) -> list[Command]:
        if not self._lane.host_up:
            return []
        self._lane.host_went()
        self._host_missed = True
        message = "The host went away; questions wait until it is back."
        told = self._desk.tell_all(host_event(self._models, up=False))
        return [*told, self.report.error(now, "engine_unavailable", message, retryable=True)]

    def _pause(self, now: float, *, paused: bool) -> list[Command]:
        self.paused = paused
        state = "paused" if paused else "watching"
        return [*self._desk.tell_all(pause_event(paused=paused)), self.report.device(now, state)]

    def _device_changed(self, event: on.DeviceChanged, now: float) -> list[Command]:
        told = self._desk.tell_all(device_event(self._phone, event))
        return [*told, self.report.device(now, event.state, event.detail, event.hint)]


def _named(*parts: str) -> str:
    return f"q_{hashlib.sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
