"""`bridge connect`: hold one phone until Ctrl-C."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import (
    HostUrl,
    Json,
    Lang,
    Model,
    PhonePort,
    Prompt,
    Serial,
    SerialArgument,
    StateDir,
    Tcp,
    TokenFile,
    Usb,
)
from bridge.cli.output import Output
from bridge.phone.named import asked_of, book_of

if TYPE_CHECKING:
    from bridge.adb.devices import DeviceLine
    from bridge.adb.transport import Transport
    from bridge.config import Settings
    from bridge.prompts import PromptBook
    from bridge.session import Session
    from bridge.supervise.connection import Options
    from bridge.supervise.host import HostFinder
    from bridge.supervise.lease import Lease

__all__ = ["connect"]


def connect(
    *,
    serial: SerialArgument = None,
    serials: Serial = None,
    usb: Usb = False,
    tcp: Tcp = False,
    prompt: Prompt = None,
    lang: Lang = None,
    model: Model = None,
    host_url: HostUrl = None,
    token_file: TokenFile = None,
    phone_port: PhonePort = None,
    state_dir: StateDir = None,
    no_watch: Annotated[
        bool, typer.Option("--no-watch", help="Leave the camera folder alone; the page still works.")
    ] = False,
    no_page: Annotated[bool, typer.Option("--no-page", help="Open no page on the phone.")] = False,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Also send the pictures taken while nobody was connected.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer about each new picture of a phone. Its page is served too; Ctrl-C or `bridge disconnect` ends it."""
    import asyncio

    from bridge.config import load

    settings = load(
        prompt=prompt,
        lang=lang,
        model=model,
        host_url=host_url,
        token_file=token_file,
        phone_port=phone_port,
        state_dir=state_dir,
    )
    wanted = [*(serials or []), *([serial] if serial else [])]
    output = Output(as_json=json)
    ways = {"watch": settings.watch and not no_watch, "open_page": not no_page, "catch_up": catch_up}
    asyncio.run(_connect(settings, wanted, output, ways, usb=usb, tcp=tcp))


async def _connect(
    settings: "Settings", wanted: list[str], output: Output, ways: dict[str, Any], *, usb: bool, tcp: bool
) -> None:
    from bridge.adb.choose import one_device
    from bridge.config import own_folder
    from bridge.supervise.finder import finder_of
    from bridge.supervise.lease import Lease

    finder = finder_of(settings)
    line = await one_device(wanted, usb=usb, tcp=tcp)
    own_folder(settings.state_dir)
    with Lease(settings.state_dir, line.serial, "connect") as lease:
        ways["fresh"] = not lease.taken_over
        await _hold(settings, finder, line, lease, output, ways)


async def _hold(
    settings: "Settings",
    finder: "HostFinder",
    line: "DeviceLine",
    lease: "Lease",
    output: Output,
    ways: dict[str, Any],
) -> None:
    """From the lease to the signal."""
    import asyncio

    from bridge.cli.keys import listening_keys
    from bridge.cli.watching import Watching
    from bridge.spool import Spool
    from bridge.supervise.connection import connected
    from bridge.supervise.events import PageWanted
    from bridge.supervise.signals import until_told

    options = await _checked(settings, line, ways, output)
    located = await finder.locate()
    model = line.model.replace("_", " ")
    output.heading(model or line.serial, detail=line.serial if model else "")
    output.entry("host", located.url, detail="started for this" if located.started else "")
    with await asyncio.to_thread(Spool, settings.state_dir / "spool") as spool:
        async with connected(options, finder=finder, spool=spool, on_event=Watching(output).show) as connection:
            lease.announce(connection.front.url, connection.front.control_token)
            if options.open_page:
                output.entry("page", f"http://localhost:{options.phone_port} on the phone")
            if options.watch:
                output.entry(
                    "watching",
                    ", ".join(options.camera_folders),
                    detail="new pictures are sent to the host; Ctrl-C ends",
                )
            keys = {
                "c": lambda: _send_held(connection.session, output),
                "o": lambda: connection.runner.post(PageWanted()),
            }
            with listening_keys(keys) as heard:
                if heard:
                    output.entry("keys", "c sends what was held back, o opens the page, Ctrl-C ends")
                await until_told()
    output.gap()
    output.say("disconnected; the phone's tunnel is removed")


def _send_held(session: "Session", output: Output) -> None:
    """What a key does without a word could as well have gone unheard."""
    if not session.send_held():
        output.say("nothing is held back")


async def _checked(settings: "Settings", line: "DeviceLine", ways: dict[str, Any], output: Output) -> "Options":
    """The options, once the phone has answered one command: a phone that hangs is said now, not retried for ever."""
    import os

    from bridge.adb.open import open_transport
    from bridge.adb.server import server_address
    from bridge.supervise.connection import Options

    asked = asked_of(settings)
    prompts, _ = book_of(settings)
    address = server_address(os.environ)
    transport = await open_transport(address, line)
    try:
        await transport.shell(["true"], deadline=6.0)
        await _bring(prompts, transport, output)
    finally:
        await transport.close()
    chosen: dict[str, Any] = {} if settings.app is None else {"app_dir": settings.app}
    return Options(
        serial=line.serial,
        address=address,
        environ=dict(os.environ),
        state_dir=settings.state_dir,
        model_name=line.model.replace("_", " "),
        prompt=asked.text,
        prompt_options=asked.options,
        prompts=prompts,
        model=settings.model,
        phone_port=settings.phone_port,
        camera_folders=settings.camera_folder,
        **ways,
        **chosen,
    )


async def _bring(prompts: "PromptBook", transport: "Transport", output: Output) -> None:
    """The phone gets its copy of the prompts; one that cannot keep it is connected all the same."""
    from bridge.errors import BridgeError, DeviceLost
    from bridge.prompts.push import push

    try:
        await push(transport, prompts)
    except DeviceLost:
        raise
    except BridgeError as error:
        output.entry("problem", error.message, detail=error.hint)
