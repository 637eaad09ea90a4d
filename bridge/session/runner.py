"""`Session`: the shell around the core. It waits for the host, the spool, timers and viewers; the core decides."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from itertools import count
from typing import Any

from bridge.client import HostClient, HostState
from bridge.errors import HostUnavailable, QuestionRefused, TokenRefused
from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.album import Album
from bridge.session.books import Books
from bridge.session.core import SessionCore
from bridge.session.events import PhoneInfo, ViewerKind
from bridge.session.messages import Ack, Ask, Cancel, Hello, Pause, SendHeld, parse_viewer_message
from bridge.session.refusals import wire_error
from bridge.session.viewer import ACK_S, Viewer
from bridge.spool import Capture, Spool
from host_server.wire.errors import WireError

__all__ = ["Session"]

GREETING_S = 1.0


class Session:
    """One phone's conversation. `run` does the work; everything else may be called before, during and after it.

    `on_event` hears of everything, as dicts for JSON Lines; it must not wait. `backlog`: whether the pictures in the
    spool that have no answer yet are asked about first.
    """

    def __init__(
        self,
        phone: PhoneInfo,
        spool: Spool,
        client: HostClient,
        *,
        prompt: str,
        model: str | None = None,
        options: Mapping[str, Any] | None = None,
        on_event: Callable[[dict[str, Any]], None] = lambda _event: None,
        backlog: bool = True,
    ) -> None:
        self.phone = phone
        self.client = client
        self.phone_now: Mapping[str, str] = {"state": "starting", "detail": "", "hint": ""}
        self._spool = spool
        self._on_event = on_event
        self._backlog = backlog
        self._core = SessionCore(phone, prompt=prompt, nonce=secrets.token_hex(8), model=model, options=options)
        self.album = Album(spool, client, phone.device_id, feed=self._feed)
        self.on_send_held: Callable[[], None] = lambda: None
        self.on_pause: Callable[[bool], None] = lambda _paused: None
        self._viewers: dict[str, Viewer] = {}
        self._names = (f"v{number}" for number in count(1))
        self._inbox: deque[on.Event] = deque()
        self._handling = False
        self._group: asyncio.TaskGroup | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._books = Books(spool, self._core.report, on_event)

    # ---------------------------------------------------------------------------------------- for everybody

    async def run(self) -> None:
        """Work until cancelled. Answers that run at the host then go on there and are found again at the next start."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._group.create_task(self._books.keep())
                if self._backlog:
                    await self._load_pending()
                stop_listening = self.client.listen(self._host_changed)
                try:
                    await asyncio.get_running_loop().create_future()  # until cancelled
                finally:
                    stop_listening()
        finally:
            self._group = None
            for timer in self._timers:
                timer.cancel()
            self._books.close()

    def submit(self, capture: Capture, *, prompt: str | None = None) -> None:
        """A picture is in the spool: ask about it as soon as can be. The same capture twice is asked about once."""
        self._feed(on.CaptureTaken(capture, prompt))

    def offer(self, prompts: Sequence[Mapping[str, Any]]) -> None:
        """Pages show these named questions from now on, and no others."""
        self._feed(on.PromptsGiven(tuple(prompts)))

    def subscribe(
        self, kind: ViewerKind = "terminal", *, resume: Mapping[str, int] | None = None, ack_s: float = ACK_S
    ) -> Viewer:
        """Look at this phone. `resume` says how far each answer was read before; None leaves that to `bridge:hello`.

        Once the viewer has acknowledged something, it has to go on doing so within `ack_s`.
        """
        viewer = Viewer(next(self._names), kind, on_leave=self._left, ack_s=ack_s)
        self._viewers[viewer.name] = viewer
        self._feed(on.ViewerCame(viewer.name, kind, resume))
        if resume is None:
            self._later(GREETING_S, on.CatchUpDue(viewer.name))
        return viewer

    def handle(self, viewer: Viewer, text: str) -> None:
        """A viewer said something; whatever it is, the answer comes through the viewer."""
        try:
            message = parse_viewer_message(text)
        except WireError as error:
            self._feed(on.ViewerErred(viewer.name, error))
            return
        match message:
            case Ask(sha256=sha256):
                capture = self._spool.find(self.phone.device_id, sha256) if sha256 else None
                self._feed(on.ViewerAsked(viewer.name, message, capture))
            case Cancel(response_id=response_id, event_id=event_id):
                self._feed(on.ViewerCancelled(viewer.name, response_id, event_id))
            case Hello(resume=resume):
                self._feed(on.ViewerGreeted(viewer.name, resume))
            case Pause(paused=paused):
                self.pause(paused=paused)
            case SendHeld():
                self.send_held()
            case Ack(response_id=response_id, sequence_number=number):
                viewer.acknowledged(response_id, number)

    def pause(self, *, paused: bool) -> None:
        """Stop, or go on, sending pictures of the camera folder to the host."""
        self._feed(on.PauseSet(paused))
        self.on_pause(paused)

    @property
    def paused(self) -> bool:
        """Whether pictures of the camera folder stay on the phone for now."""
        return self._core.paused

    def held(self, count: int) -> None:
        """So many pictures of the camera folder wait for somebody to say that they may be sent."""
        self._feed(on.PicturesHeld(count))

    def send_held(self) -> int:
        """Somebody said so: at the phone, or at the laptop. Gives how many there are."""
        self.on_send_held()
        return self._core.held

    def phone_state(self, state: str, detail: str = "", hint: str = "") -> None:
        """The phone came, went or needs a hand."""
        self.phone_now = {"state": state, "detail": detail, "hint": hint}
        self._feed(on.DeviceChanged(state, detail, hint))

    def knows(self, response_id: str) -> bool:
        """Whether this is an answer of this phone that is kept."""
        return self._core.log(response_id) is not None

    def pictures_of(self, response_id: str) -> frozenset[str]:
        """The pictures that one of them is about."""
        sha256 = self._core.picture(response_id)
        return frozenset() if sha256 is None else frozenset({sha256})

    def status(self) -> dict[str, Any]:
        """How it goes, for `bridge status`."""
        kinds = [viewer.kind for viewer in self._viewers.values()]
        host = self.client.state
        return {
            "serial": self.phone.serial,
            "device_id": self.phone.device_id,
            **self.phone_now,
            "pages": kinds.count("page"),
            "terminals": kinds.count("terminal"),
            "watching": not self._core.paused,
            "waiting": self._core.waiting,
            "host": {"up": host.up, "url": host.url, "models": list(host.models)},
        }

    # ---------------------------------------------------------------------------------------- events and commands

    def _feed(self, event: on.Event) -> None:
        """Events that arise while commands are done wait for their turn."""
        self._inbox.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._inbox:
                for command in self._core.handle(self._inbox.popleft(), time.time()):
                    self._do(command)
        finally:
            self._handling = False

    def _do(self, command: do.Command) -> None:  # ruff: ignore[complex-structure] - the table of commands
        match command:
            case do.Tell(viewer=name, event=event):
                if viewer := self._viewers.get(name):
                    viewer.tell(event)
            case do.Show(viewer=name, response_id=response_id, after=after):
                log, viewer = self._core.log(response_id), self._viewers.get(name)
                if log is not None and viewer is not None:
                    viewer.show(response_id, log, after)
            case do.Forget(response_ids=names):
                self._forget(names)
            case do.Record() | do.Observe():
                self._books.enter(command)
            case do.RetryLater(question_id=question_id, seconds=seconds):
                self._later(seconds, on.RetryDue(question_id))
            case do.AskHost():
                self._start(self._ask(command))
            case do.Upload(sha256=sha256):
                self._start(self._upload(sha256))
            case do.Recover(response_id=response_id):
                self._start(self._recover(response_id))
            case do.CancelAtHost(response_id=response_id):
                self._start(self.client.cancel(response_id))
            case do.LoadPending():
                self._start(self._load_pending())

    def _forget(self, response_ids: tuple[str, ...]) -> None:
        self.album.forget(response_ids)
        for viewer in self._viewers.values():
            viewer.forget(response_ids)
        self._start(self.album.erase())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._group is None:
            work.close()
        else:
            self._group.create_task(work)

    def _later(self, seconds: float, event: on.Event) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self._feed(event)

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(timer)

    def _left(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer.name, None)
        self._feed(on.ViewerLeft(viewer.name))

    def _host_changed(self, state: HostState) -> None:
        self._feed(on.HostCame(state.models) if state.up else on.HostWent())
        if state.up:
            self._start(self.album.erase())

    # ---------------------------------------------------------------------------------------- what waits

    async def _ask(self, command: do.AskHost) -> None:
        name = command.question_id
        try:
            async with aclosing(self.client.ask(command.create)) as events:
                async for event in events:
                    self._feed(on.HostSaid(name, event))
        except QuestionRefused as refused:
            self._feed(on.AskRefused(name, wire_error(refused), retryable=bool(refused.fields.get("retryable"))))
        except (HostUnavailable, TokenRefused):
            self._feed(on.AskLost(name))

    async def _recover(self, response_id: str) -> None:
        """Read an answer that an earlier bridge asked for, if it is one about this phone."""
        host_went = False
        try:
            async with aclosing(self.client.resume(response_id)) as events:
                async for event in events:
                    if event["type"] == "response.created":
                        self._feed(self._found(response_id, event["response"]))
                    self._feed(on.AnswerSaid(response_id, event))
        except (HostUnavailable, TokenRefused):
            host_went = True
        except QuestionRefused:  # not known there, or not ours: for the viewer that is one
            pass
        self._feed(on.AnswerOver(response_id, host_went))

    def _found(self, response_id: str, response: Mapping[str, Any]) -> on.AnswerFound:
        """Whose answer it is stands in its metadata, which this bridge or one before it wrote."""
        about = response.get("metadata") or {}
        capture_id = about.get("capture_id")
        capture = self._spool.capture(capture_id) if capture_id else None
        if about.get("device_id") != self.phone.device_id or (capture_id and capture is None):
            raise QuestionRefused("not an answer of this phone, or of a picture that was deleted")
        return on.AnswerFound(response_id, str(about.get("idempotency_key")).rpartition(".")[0], capture)

    async def _upload(self, sha256: str) -> None:
        began = time.monotonic()
        try:
            await self.client.upload(sha256, self._spool.blob_path(sha256))
        except QuestionRefused as refused:
            self._feed(on.UploadRefused(sha256, wire_error(refused), retryable=bool(refused.fields.get("retryable"))))
        except (HostUnavailable, TokenRefused):
            self._feed(on.UploadLost(sha256))
        except OSError:
            gone = WireError("capture_not_found", "The picture is not on this laptop any more.")
            self._feed(on.UploadRefused(sha256, gone, retryable=False))
        else:
            self._feed(on.Uploaded(sha256, 1000 * (time.monotonic() - began)))

    async def _load_pending(self) -> None:
        for capture in await asyncio.to_thread(self._spool.pending, self.phone.device_id):
            self.submit(capture)
