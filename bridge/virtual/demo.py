"""`bridge demo`: the whole chain with no phone, no GPU and no network, nothing of it faked but the phone.

A private adb server (Google's own) talks to a virtual phone; the bridge connects to it as to any other; the phone's
shutter is pressed at a picture; what the camera writes is found, pulled, journalled, asked about and answered by the
OCR engine; the words stream to the terminal and, through the phone's own port, to the page.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bridge.adb.network import connect_tcp
from bridge.adb.open import open_transport
from bridge.captures.shutter import press_shutter
from bridge.errors import BridgeError, DeadlinePassed, QuestionRefused, UsageError
from bridge.spool import Spool
from bridge.supervise.connection import Connection, Options, connected
from bridge.supervise.host import HostFinder
from bridge.virtual.adb_server import OwnServer, own_adb_server
from bridge.virtual.page_client import PageClient
from bridge.virtual.screens import order_screen
from virtual_phone import VirtualPhone

__all__ = ["DemoResult", "DemoSetup", "Stage", "run_demo"]

QUESTION = "What is the order number?"
DEADLINE_S = 60.0
MAGIC = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}


@dataclass(frozen=True, slots=True)
class DemoSetup:
    """What the user chose; `browser` opens a URL on the laptop instead of the built-in page client."""

    prompt: str = QUESTION
    picture: Path | None = None
    engine: str = "ocr"
    browser: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step that was reached, `at_ms` after the start."""

    name: str
    at_ms: float
    detail: str = ""


@dataclass(slots=True)
class DemoResult:
    """Everything that is shown, printed as JSON and written to demo.html."""

    question: str
    stages: list[Stage] = field(default_factory=list)
    serial: str = ""
    adb_version: str = ""
    engine: str = ""
    capture: dict[str, Any] = field(default_factory=dict)
    answer: str = ""
    status: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    timings_ms: dict[str, float | None] = field(default_factory=dict)
    linked: bool = False
    answer_received: bool = False
    picture: bytes = b""

    def to_json(self) -> dict[str, Any]:
        """The object of `bridge demo --json`."""
        return {
            "serial": self.serial,
            "adb_version": self.adb_version,
            "capture": self.capture,
            "question": self.question,
            "answer": self.answer,
            "engine": self.engine,
            "phone": {"linked": self.linked, "answer_received": self.answer_received},
            "timings_ms": self.timings_ms,
        }


class _Demo:
    """One run: remembers what came by and wakes whoever waits for it."""

    def __init__(self, setup: DemoSetup, on_stage: Callable[[Stage], None], on_delta: Callable[[str], None]) -> None:
        self.setup = setup
        self.result = DemoResult(question=setup.prompt)
        self.linked, self.answered, self.received = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._on_stage, self._on_delta = on_stage, on_delta
        self._started = time.monotonic()
        self._page_texts: dict[str, str] = {}

    def stage(self, name: str, detail: str = "") -> None:
        """Note that a step is reached, and show it."""
        stage = Stage(name, round((time.monotonic() - self._started) * 1000, 1), detail)
        self.result.stages.append(stage)
        self._on_stage(stage)

    def on_event(self, event: dict[str, Any]) -> None:
        """What the bridge tells its terminal."""
        match event["event"]:
            case "capture" if event["state"] in {"pulled", "waiting"} and not self.result.capture:
                names = {"id": "capture_id", "sha256": "sha256", "bytes": "bytes", "source": "source"}
                self.result.capture = {name: event[theirs] for name, theirs in names.items()}
                self.stage("picture pulled", f"{event['name']}, {event['bytes']} bytes, sha256 checked")
            case "capture" if event["state"] == "uploaded":
                self.stage("picture at the host")
            case "delta":
                self._on_delta(event["delta"])
            case "answer":
                self._answered(event)
            case "error":
                self.result.error = dict(event)
                self.answered.set()
            case _:
                pass

    def on_page_message(self, message: dict[str, Any]) -> None:
        """What reached the page on the phone."""
        match message["type"]:
            case "bridge:session.ready":
                self.result.linked = True
                self.linked.set()
            case "response.output_text.delta":
                answer = message["response_id"]
                self._page_texts[answer] = self._page_texts.get(answer, "") + message["delta"]
            case "response.completed":
                whole = message["response"]["output"][-1]["content"][0]["text"]
                if self._page_texts.get(message["response_id"]) == whole:
                    self.result.answer_received = True
                    self.received.set()
            case _:
                pass

    def _answered(self, event: dict[str, Any]) -> None:
        self.result.answer, self.result.status = event["text"], event["status"]
        self.result.engine = event["model"] or self.setup.engine
        self.result.timings_ms = event["timings_ms"]
        self.result.error = dict(event.get("error") or {})
        self.answered.set()


async def run_demo(
    setup: DemoSetup,
    *,
    on_stage: Callable[[Stage], None],
    on_delta: Callable[[str], None],
    stay: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]] | None = None,
) -> DemoResult:
    """Play the demo; `stay` keeps it up afterwards and is handed what presses the shutter again.

    Raises `UsageError` (2) for a file that is no picture, `QuestionRefused` (9) when the host refuses it.
    """
    picture = None if setup.picture is None else await asyncio.to_thread(_checked_picture, setup.picture)
    demo = _Demo(setup, on_stage, on_delta)
    with tempfile.TemporaryDirectory(prefix="lensbridge-demo-") as name:
        folder = Path(name)
        photos = folder / "photos"
        photos.mkdir()
        _lay_out(photos, picture)
        demo.result.picture = next(photos.iterdir()).read_bytes()
        async with _up(demo, folder, photos) as shutter:
            await shutter()
            demo.stage("shutter pressed on the phone")
            await _until(demo.answered, "answer")
            if demo.result.status != "completed":
                raise _refused(demo.result)
            demo.stage("answer complete")
            await _until(demo.received, "answer on the phone's page")
            demo.stage("answer on the phone's page")
            if stay is not None:
                await stay(shutter)
    return demo.result


@contextlib.asynccontextmanager
async def _up(demo: _Demo, folder: Path, photos: Path) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """The whole chain, with its page linked; gives what presses the shutter."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    finder = HostFinder(state, engines=[demo.setup.engine])
    try:
        async with own_adb_server(folder) as server, asyncio.TaskGroup() as group:
            demo.result.adb_version = server.adb.version
            demo.stage("adb server up", f"adb {server.adb.version}, its own port {server.address.port}")
            host = group.create_task(finder.locate())  # the engine loads its models while the phone comes up
            async with _phone(demo, photos, server) as phone:
                demo.result.serial = phone.address
                located = await host
                demo.stage("host up", f"{located.url}, engine {demo.setup.engine}")
                with Spool(state / "spool") as spool:
                    async with connected(
                        _options(demo, phone, server, state), finder=finder, spool=spool, on_event=demo.on_event
                    ) as connection:
                        await _until(demo.linked, "page")
                        demo.stage("page linked", "through the phone's own port, one code, used once")
                        yield lambda: _press(connection)
    finally:
        await asyncio.to_thread(finder.stop_started)


@contextlib.asynccontextmanager
async def _phone(demo: _Demo, photos: Path, server: OwnServer) -> AsyncGenerator[VirtualPhone]:
    pages: list[PageClient] = []

    async def open_url(url: str) -> None:
        if demo.setup.browser is not None:
            demo.setup.browser(_on_this_machine(url, phone.loopback))
        page = PageClient(phone.loopback, demo.on_page_message)
        pages.append(page)
        if demo.setup.browser is None:
            await page.open(url)

    phone = VirtualPhone(photos, on_open_url=open_url)
    async with phone:
        said = await connect_tcp(server.address, phone.address, deadline=10.0)
        demo.stage("virtual phone connected", f"{said}; shell: {phone.shell_rung}")
        yield phone


def _options(demo: _Demo, phone: VirtualPhone, server: OwnServer, state: Path) -> Options:
    return Options(
        serial=phone.address,
        model_name="virtual phone",
        address=server.address,
        environ=server.environ,
        state_dir=state,
        prompt=demo.setup.prompt,
    )


async def _press(connection: Connection) -> None:
    """Press the shutter as `bridge ask --shutter` does."""
    line = connection.runner.core.line
    if line is None:
        raise DeadlinePassed("the virtual phone is gone", hint="run the demo again; please report it")
    transport = await open_transport(connection.options.address, line)
    try:
        await press_shutter(transport)
    finally:
        await transport.close()


async def _until(event: asyncio.Event, what: str) -> None:
    try:
        async with asyncio.timeout(DEADLINE_S):
            await event.wait()
    except TimeoutError:
        raise DeadlinePassed(
            f"no {what} within {DEADLINE_S:g} s", hint="run it again; the last stage shown is where it stopped"
        ) from None


def _refused(result: DemoResult) -> BridgeError:
    problem = result.error
    reason = problem.get("message") or f"the answer ended as {result.status or 'unknown'}"
    return QuestionRefused(
        reason,
        hint="try another picture: a JPEG or PNG of at most 25 MB",
        code=problem.get("reason") or problem.get("code"),
    )


def _lay_out(photos: Path, picture: bytes | None) -> None:
    if picture is None:
        order_screen(photos / "order.png")
    else:
        suffix = next(suffix for magic, suffix in MAGIC.items() if picture.startswith(magic))
        (photos / f"picture{suffix}").write_bytes(picture)


def _checked_picture(path: Path) -> bytes:
    """The bytes of the user's file. Whether they decode is for the host to say, as with a phone's own photo."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="--picture takes a JPEG or PNG file") from None
    if not any(data.startswith(magic) for magic in MAGIC):
        raise UsageError(f"{path} is neither a JPEG nor a PNG", hint="--picture takes a JPEG or PNG file")
    return data


def _on_this_machine(url: str, loopback: str) -> str:
    """The phone's `localhost` as the laptop's browser reaches it."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{loopback}:{parts.port}").geturl()
