"""`bridge ask`: one question about one picture, the answer streamed to the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import HostUrl, Json, Model, Serial, StateDir, Tcp, Timeout, TokenFile, Usb
from bridge.cli.output import Output
from bridge.errors import BridgeError, DeadlinePassed, HostUnavailable, QuestionRefused, UsageError

if TYPE_CHECKING:
    from bridge.config import Settings
    from bridge.spool import Capture, Spool

__all__ = ["ask"]

NO_PHONE = "laptop"
DEADLINE_S = 300.0
UNAVAILABLE = {
    "engine_unavailable": "see `bridge status`; `bridge serve` starts a host by hand",
    "engine_restarted": "ask again",
    "engine_oom": "ask again, or with a smaller picture",
    "upstream_error": "see what the host's upstream says",
    "model_not_found": "choose one of those with --model",
}


def ask(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="What is asked; left out, the prompt of the settings.")
    ] = None,
    *,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="A JPEG or PNG of this laptop; needs no phone.")
    ] = None,
    shutter: Annotated[
        bool, typer.Option("--shutter", help="Press the phone's shutter and ask about that photo.")
    ] = False,
    serials: Serial = None,
    usb: Usb = False,
    tcp: Tcp = False,
    model: Model = None,
    host_url: HostUrl = None,
    token_file: TokenFile = None,
    state_dir: StateDir = None,
    timeout: Timeout = DEADLINE_S,
    json: Json = False,
) -> int:
    """Ask about one picture. It is a file, the phone's newest photo, or a fresh one."""
    import asyncio

    from bridge.config import load

    if picture is not None and (shutter or serials or usb or tcp):
        raise UsageError(
            "--picture is a file of this laptop; it goes with no phone", hint="leave out --shutter, -s, -d, -e"
        )
    settings = load(model=model, prompt=question, host_url=host_url, token_file=token_file, state_dir=state_dir)
    choice = {"serials": serials or [], "usb": usb, "tcp": tcp, "shutter": shutter}
    seconds = timeout or DEADLINE_S
    try:
        asyncio.run(_within(seconds, settings, picture, choice, Output(as_json=json)))
    except TimeoutError:
        raise DeadlinePassed(
            f"no answer within {seconds:g} s", hint="give more time with --timeout, or see `bridge status`"
        ) from None
    return 0


async def _within(
    seconds: float, settings: "Settings", picture: Path | None, choice: dict[str, Any], output: Output
) -> None:
    import asyncio

    from bridge.spool import Spool
    from host_server.wire.discovery import private_folder

    private_folder(settings.state_dir)
    async with asyncio.timeout(seconds):
        with await asyncio.to_thread(Spool, settings.state_dir / "spool") as spool:
            capture, serial = await _take(settings, spool, picture, choice)
            await _answered(settings, spool, capture, serial, output)


async def _take(
    settings: "Settings", spool: "Spool", picture: Path | None, choice: dict[str, Any]
) -> "tuple[Capture, str]":
    """The picture that is meant, already in the spool."""
    import os

    from bridge.adb.open import open_transport
    from bridge.adb.server import server_address
    from bridge.captures.files import capture_file
    from bridge.captures.newest import newest_capture
    from bridge.captures.shutter import shoot
    from bridge.adb.choose import chosen_devices
    from bridge.spool import device_id

    if picture is not None:
        return capture_file(picture, spool, device_id(settings.state_dir, NO_PHONE)), NO_PHONE
    shutter = choice.pop("shutter")
    (line,) = await chosen_devices(**choice)
    transport = await open_transport(server_address(os.environ), line)
    device = device_id(settings.state_dir, line.serial)
    try:
        if shutter:
            return await shoot(transport, spool, device), line.serial
        return await newest_capture(transport, spool, device, folders=settings.camera_folder), line.serial
    finally:
        await transport.close()


async def _answered(settings: "Settings", spool: "Spool", capture: "Capture", serial: str, output: Output) -> None:
    """Ask, show the answer as it comes, and raise what it ended with."""
    import asyncio

    from bridge.supervise.finder import finder_of
    from bridge.cli.watching import Watching
    from bridge.client import HostClient
    from bridge.session import Session
    from bridge.session.events import PhoneInfo

    finder = finder_of(settings)
    watching = Watching(output)
    ended: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def on_event(event: dict[str, Any]) -> None:
        if event["event"] != "error" and (
            output.as_json or _problem(event) is None
        ):  # else raised below, with its hint
            watching.show(event)
        if (event["event"] == "answer" or event.get("final")) and not ended.done():
            ended.set_result(event)

    await finder.locate()
    async with HostClient(finder) as client:
        await client.connected()  # a host that is silent or refuses our key is said now: the session would wait for it
        phone = PhoneInfo(serial, capture.device_id, "")
        session = Session(
            phone, spool, client, prompt=settings.prompt, model=settings.model, on_event=on_event, backlog=False
        )
        async with asyncio.TaskGroup() as group:
            work = group.create_task(session.run())
            session.submit(capture, prompt=settings.prompt)
            event = await ended
            work.cancel()
    if problem := _problem(event):
        raise problem


def _problem(event: dict[str, Any]) -> BridgeError | None:
    """What a bad end means for the exit code."""
    if event["event"] not in {"answer", "error"} or event.get("status") in {"completed", "incomplete"}:
        return None
    reason = event.get("error") or event
    code = reason.get("reason") or reason.get("code") or event.get("status", "")
    message = reason.get("message") or f"the answer ended as {event.get('status', 'an error')}"
    if code in UNAVAILABLE:
        return HostUnavailable(message, hint=UNAVAILABLE[code], code=code)
    return QuestionRefused(message, hint="another picture or question may be accepted", code=code)
