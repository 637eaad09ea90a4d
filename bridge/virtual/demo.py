"""`bridge demo`: the whole chain with no phone, no GPU and no network, nothing of it faked but the phone.

A private adb server (Google's own) talks to a virtual phone; the bridge connects to it as to any other; the phone's
shutter is pressed at a picture; what the camera writes is found, pulled, journalled, asked about and answered by the
OCR engine, or the one that is wanted; the words stream to the terminal and, through the phone's own port, to the page.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from bridge.adb.network import connect_tcp
from bridge.adb.open import open_transport
from bridge.captures.shutter import press_shutter
from bridge.errors import BridgeError, DeadlinePassed, UsageError
from bridge.phone.problems import problem_of
from bridge.spool import Spool
from bridge.supervise.connection import Connection, Options, connected
from bridge.supervise.host import HostFinder
from bridge.virtual.adb_server import OwnServer, own_adb_server
from bridge.virtual.page_client import PageClient
from bridge.virtual.record import DemoResult, DemoSetup, Recorder, Stage
from bridge.virtual.scenes import scene_for
from virtual_phone import VirtualPhone

__all__ = ["run_demo"]

DEADLINE_S = 60.0
MAGIC = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}


async def run_demo(
    setup: DemoSetup,
    *,
    on_stage: Callable[[Stage], None],
    on_delta: Callable[[str], None],
    stay: Callable[[DemoResult, Callable[[], Awaitable[None]]], Awaitable[None]] | None = None,
) -> DemoResult:
    """Play the demo; `stay` keeps it up afterwards and is handed the result and what presses the shutter again.

    Raises `UsageError` (2) for a file that is no picture, `QuestionRefused` (9) when the host refuses it,
    `HostUnavailable` (6) when the engine cannot answer.
    """
    picture = None if setup.picture is None else await asyncio.to_thread(_checked_picture, setup.picture)
    demo = Recorder(setup, on_stage, on_delta)
    with tempfile.TemporaryDirectory(prefix="lensbridge-demo-") as name:
        folder = Path(name)
        photos = folder / "photos"
        photos.mkdir()
        scene = scene_for(setup.engine)
        if picture is None:
            demo.stage("picture drawn", await asyncio.to_thread(scene.draw, photos / "picture.png"))
        else:
            _lay_out(photos, picture)
        demo.result.picture = next(photos.iterdir()).read_bytes()
        async with _up(demo, folder, photos) as shutter:
            await shutter()
            await _until(demo.answered, "answer", scene.answer_s)
            if problem := _problem(demo.result):
                raise problem
            await _until(demo.received, "answer on the phone's page")
            demo.stage("answer on the phone's page", "word for word")
            if stay is not None:
                await stay(demo.result, shutter)
    return demo.result


@contextlib.asynccontextmanager
async def _up(demo: Recorder, folder: Path, photos: Path) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """The whole chain, with its page linked; gives what presses the shutter."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    finder = HostFinder(state, engines=[demo.setup.engine])
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, finder.stop_started)
        server = await stack.enter_async_context(own_adb_server(folder))
        demo.result.adb_version = server.adb.version
        demo.stage("adb server up", f"adb {server.adb.version}, its own port {server.address.port}")
        phone = await stack.enter_async_context(_phone(demo, photos, server))
        demo.result.serial = phone.address
        located = await finder.locate()
        demo.stage("host up", f"{located.url}, engine {demo.setup.engine}")
        spool = stack.enter_context(Spool(state / "spool"))
        options = _options(demo, phone, server, state)
        connection = await stack.enter_async_context(
            connected(options, finder=finder, spool=spool, on_event=demo.on_event)
        )
        await _until(demo.linked, "page")
        demo.stage("page linked", "through the phone's own port, one code, used once")
        _show_in_browser(demo, phone, connection)
        yield lambda: _press(demo, connection)


def _show_in_browser(demo: Recorder, phone: VirtualPhone, connection: Connection) -> None:
    """Open the page on the laptop too, with a code of its own: the phone's `localhost` has another name here."""
    if demo.setup.browser is not None:
        code = connection.front.new_link_code()
        demo.setup.browser(f"http://{phone.loopback}:{connection.options.phone_port}/#c={code}")


@contextlib.asynccontextmanager
async def _phone(demo: Recorder, photos: Path, server: OwnServer) -> AsyncGenerator[VirtualPhone]:
    async with VirtualPhone(photos) as phone:
        phone.on_open_url = PageClient(phone.loopback, demo.on_page_message).open
        said = await connect_tcp(server.address, phone.address, deadline=10.0)
        demo.stage("virtual phone connected", f"{said}; shell: {phone.shell_rung}")
        yield phone


def _options(demo: Recorder, phone: VirtualPhone, server: OwnServer, state: Path) -> Options:
    return Options(
        serial=phone.address,
        model_name="virtual phone",
        address=server.address,
        environ=server.environ,
        state_dir=state,
        prompt=demo.setup.prompt,
    )


async def _press(demo: Recorder, connection: Connection) -> None:
    """Press the shutter as `bridge ask --shutter` does."""
    demo.stage("shutter pressed on the phone")
    line = connection.runner.core.line
    if line is None:
        raise DeadlinePassed("the virtual phone is gone", hint="run the demo again; please report it")
    transport = await open_transport(connection.options.address, line)
    try:
        await press_shutter(transport)
    finally:
        await transport.close()


async def _until(event: asyncio.Event, what: str, deadline_s: float = DEADLINE_S) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            await event.wait()
    except TimeoutError:
        raise DeadlinePassed(
            f"no {what} within {deadline_s:g} s", hint="run it again; the last stage shown is where it stopped"
        ) from None


def _problem(result: DemoResult) -> BridgeError | None:
    return problem_of({"event": "answer", "status": result.status or "failed", "error": result.error})


def _lay_out(photos: Path, picture: bytes) -> None:
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
