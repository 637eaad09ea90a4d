"""A conversation with the session core, told by a test: what happens in, what was wanted and what viewers saw out."""

from typing import Any

from bridge.session import commands as do
from bridge.session import events as on
from bridge.spool import Capture
from tests.support.session import PHONE, PROMPT, Watchers, new_core, picture

__all__ = ["UP", "A", "B", "Talk", "create_for", "error_codes", "observed", "seen_capture", "types"]

A, B = picture("a.jpg"), picture("b.jpg")
UP = on.HostCame(("echo",))


class Talk:
    """Feeds a core, answers for the host, and remembers what was asked for."""

    def __init__(self, *, host: bool = True) -> None:
        self.core = new_core()
        self.watchers = Watchers(self.core)
        self.now = 0.0
        self.commands: list[do.Command] = []
        if host:
            self.feed(UP)

    def feed(self, *events: on.Event) -> list[do.Command]:
        """Give the commands of these events, and keep them."""
        news: list[do.Command] = []
        for event in events:
            if isinstance(event, on.ViewerCame):
                self.watchers.come(event.viewer)
            commands = self.core.handle(event, self.now)
            self.watchers.do(commands)
            news += commands
            if isinstance(event, on.ViewerLeft):
                self.watchers.leave(event.viewer)
        self.commands += news
        return news

    def look(self, viewer: str = "page", **fields: Any) -> list[Any]:
        self.feed(on.ViewerCame(viewer, "page", **({"resume": {}} | fields)))
        return self.read(viewer)

    def read(self, viewer: str = "page") -> list[Any]:
        return list(self.watchers.read(viewer))

    def bring(self, capture: Capture) -> do.AskHost:
        """A picture arrives and is uploaded; gives the question the host is asked."""
        self.feed(on.CaptureTaken(capture), on.Uploaded(capture.sha256, 5.0))
        return self.asked()[-1]

    def host_says(self, ask: do.AskHost, *events: dict[str, Any]) -> list[do.Command]:
        return self.feed(*(on.HostSaid(ask.question_id, event) for event in events))

    def asked(self) -> list[do.AskHost]:
        return [command for command in self.commands if isinstance(command, do.AskHost)]

    def only(self, kind: type) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]


def types(events: list[Any]) -> list[str]:
    return [event["type"] for event in events]


def error_codes(events: list[Any]) -> list[str]:
    return [event["error"]["code"] for event in events if event["type"] == "error"]


def create_for(capture: Capture, question_id: str, version: int = 0) -> dict[str, Any]:
    picture_part = {"type": "input_image", "file_id": f"cap_{capture.sha256}", "detail": "auto"}
    metadata = {
        "device_id": PHONE.device_id,
        "capture_id": capture.capture_id,
        "idempotency_key": f"{question_id}.{version}",
    }
    content = [picture_part, {"type": "input_text", "text": PROMPT}]
    return {"type": "response.create", "input": [{"role": "user", "content": content}], "metadata": metadata}


def observed(event: str, **fields: Any) -> do.Observe:
    head = {"event": event, "ts": 0.0, "device_id": PHONE.device_id, "serial": PHONE.serial}
    return do.Observe(head | fields)


def seen_capture(capture: Capture, state: str) -> do.Observe:
    return observed(
        "capture",
        capture_id=capture.capture_id,
        sha256=capture.sha256,
        bytes=1000,
        source=capture.source,
        name=capture.name,
        state=state,
    )
