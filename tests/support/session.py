"""What session tests speak of: one phone, its pictures, and a host's answers written by the wire's own builders."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from bridge.session import commands as do
from bridge.session.core import SessionCore
from bridge.session.events import PhoneInfo
from bridge.session.viewers import Outbox
from bridge.spool import Capture
from host_server.wire.errors import WireError
from host_server.wire.events import AnswerWriter
from host_server.wire.response import metrics, new_response, usage

__all__ = ["PHONE", "PROMPT", "HostAnswer", "Watchers", "new_core", "picture"]

PHONE = PhoneInfo("VP0001", "dev_0123456789abcdef", "Pixel 9")
PROMPT = "What does it say?"


def new_core() -> SessionCore:
    """The core under test."""
    return SessionCore(PHONE, prompt=PROMPT, nonce="n", model=None)


def picture(
    name: str, *, source: Literal["camera", "page", "screen", "file"] = "camera", content: str | None = None
) -> Capture:
    """A capture, named after its file; equal `content` means equal pictures."""
    return Capture(
        capture_id="cap_" + hashlib.sha256(name.encode()).hexdigest()[:32],
        device_id=PHONE.device_id,
        sha256=hashlib.sha256((content or name).encode()).hexdigest(),
        size=1000,
        source=source,
        name=name,
        mtime=0,
        media_type="image/jpeg",
        taken_at=0.0,
        timings_ms={"pull": 7.0},
    )


class HostAnswer:
    """What a host says about one question, event by event."""

    def __init__(self, response_id: str) -> None:
        response = new_response(response_id=response_id, created_at=1_790_000_000, model="echo")
        self._writer = AnswerWriter(response, item_id="msg_1")

    def created(self) -> dict[str, Any]:
        """Event 0."""
        (event,) = self._writer.created()
        return event

    def words(self, *pieces: str) -> list[dict[str, Any]]:
        """From the engine's start to the last of these pieces; later calls just go on."""
        events = [] if self._writer.text else self._writer.started()
        for piece in pieces:
            events += self._writer.delta(piece)
        return events

    def completed(self, *, cache: str = "off") -> list[dict[str, Any]]:
        """Closing events and the terminal one."""
        times = metrics(
            queue_time_ms=1.0,
            preprocess_ms=2.0,
            time_to_first_token_ms=3.0,
            generation_time_ms=4.0,
            output_tokens=2,
            cache=cache,
        )
        return self._writer.completed(
            completed_at=1_790_000_001, usage=usage(input_tokens=1, output_tokens=2), metrics=times
        )

    def failed(self, code: str = "engine_restarted", *, retry_after_ms: int | None = None) -> list[dict[str, Any]]:
        """Something broke."""
        return self._writer.failed(WireError(code, "It broke.", retry_after_ms=retry_after_ms))

    def declined(self, *, retry_after_ms: int) -> list[dict[str, Any]]:
        """A polite word stands for the answer: too much is asked at once."""
        times = metrics(
            queue_time_ms=0, preprocess_ms=0, time_to_first_token_ms=None, generation_time_ms=0, output_tokens=0
        )
        return self._writer.declined(retry_after_ms=retry_after_ms, metrics=times, degraded=["stock_text"])

    def cancelled(self, by: Literal["client", "disconnect", "deadline"] = "client") -> list[dict[str, Any]]:
        """Somebody stopped it."""
        return self._writer.cancelled(by)

    def whole(self, *pieces: str) -> list[dict[str, Any]]:
        """All of it."""
        return [self.created(), *self.words(*pieces), *self.completed()]


class Watchers:
    """Does what the core says for viewers, and keeps everything each of them received."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._outboxes: dict[str, Outbox] = {}
        self.seen: dict[str, list[Mapping[str, Any]]] = {}

    def come(self, viewer: str) -> None:
        """A viewer connects."""
        self._outboxes[viewer] = Outbox()
        self.seen.setdefault(viewer, [])

    def leave(self, viewer: str) -> None:
        """A viewer is gone; anything for it from now on is a KeyError."""
        self._outboxes.pop(viewer, None)

    def do(self, commands: Iterable[do.Command]) -> None:
        """Carry out what concerns viewers."""
        for command in commands:
            match command:
                case do.Tell(viewer=viewer, event=event):
                    self._outboxes[viewer].tell(event)
                case do.Show(viewer=viewer, response_id=response_id, after=after):
                    log = self._core.log(response_id)
                    assert log is not None
                    self._outboxes[viewer].show(response_id, log, after)
                case _:
                    continue

    def read(self, viewer: str) -> list[Mapping[str, Any]]:
        """What the viewer receives when it reads now."""
        news = self._outboxes[viewer].take()
        self.seen[viewer] += news
        return news
