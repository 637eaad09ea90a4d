"""`bridge demo`: see all of it with no phone, no GPU and no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import Json
from bridge.cli.output import Output
from bridge.errors import HostUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.virtual.record import DemoResult, Stage

__all__ = ["demo"]


def demo(
    *,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Photograph this JPEG or PNG instead of an order screen.")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="What is asked about it.", show_default="the order number, or the colour"),
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", help="The engine that answers. A model, such as transformers_vlm=DIR, sees a colour."),
    ] = "ocr",
    page: Annotated[Path, typer.Option("--page", help="Where the page about the demo is written.")] = Path("demo.html"),
    open_: Annotated[
        bool, typer.Option("--open", help="Stay up and open the phone's page in this laptop's browser.")
    ] = False,
    json: Json = False,
) -> None:
    """See all of it on a virtual phone. Its shutter is pressed, and the answer streams back."""
    import asyncio
    from importlib.util import find_spec

    from bridge.virtual.scenes import scene_for

    scene = scene_for(engine)
    missing = [name for name in ("fastapi", "PIL", *scene.needs) if find_spec(name) is None]
    if missing:
        raise HostUnavailable(f"the demo needs {', '.join(missing)}", hint=f"pip install 'lensbridge[{scene.extra}]'")
    from bridge.virtual.demo import run_demo
    from bridge.virtual.demo_page import write_demo_page
    from bridge.virtual.record import DemoSetup

    _check_place(page)
    output = Output(as_json=json)
    output.heading("lensbridge demo", detail="a virtual phone under the real adb server")

    def finished(result: "DemoResult") -> None:
        write_demo_page(result, page)
        if json:
            output.json(result.to_json())
        output.gap()
        output.say(f"{page} shows the picture, the answer and each stage")

    setup = DemoSetup(
        prompt=prompt or scene.question,
        picture=picture,
        engine=_from_here(engine),
        browser=_opener(output) if open_ else None,
    )
    result = asyncio.run(
        run_demo(
            setup,
            on_stage=_stage_line(output),
            on_delta=_nothing if json else output.stream,
            stay=_stay(output, finished) if open_ else None,
        )
    )
    if not open_:
        finished(result)


def _check_place(page: Path) -> None:
    """Said before the demo runs, which takes ten seconds. Raises `UsageError`."""
    import os

    if not page.parent.is_dir():
        problem = f"there is no folder {page.parent}"
    elif page.is_dir():
        problem = f"{page} is a folder"
    elif not os.access(page if page.exists() else page.parent, os.W_OK):
        problem = f"{page} cannot be written"
    else:
        return
    raise UsageError(problem, hint="choose another place for the page about the demo: --page FILE")


def _from_here(engine: str) -> str:
    """The engine with the folder of its model in full: the host is started elsewhere."""
    name, equals, model = engine.partition("=")
    folder = Path(model).expanduser()
    return f"{name}={folder.resolve()}" if equals and folder.is_dir() else engine


def _nothing(_piece: str) -> None:
    """With --json the answer stands in the object."""


def _stage_line(output: Output) -> "Callable[[Stage], None]":
    def show(stage: "Stage") -> None:
        output.say(f"{stage.at_ms / 1000:6.2f} s  {stage.name}", detail=stage.detail)

    return show


def _opener(output: Output) -> "Callable[[str], None]":
    def show(url: str) -> None:
        import webbrowser

        if webbrowser.open(url):
            output.say("          the phone's page is open in this laptop's browser too", detail=url.split("#", 1)[0])
        else:
            output.say("          no browser here: open the phone's page yourself, within a minute", detail=url)

    return show


def _stay(
    output: Output, finished: "Callable[[DemoResult], None]"
) -> "Callable[[DemoResult, Callable[[], Awaitable[None]]], Awaitable[None]]":
    async def stay(result: "DemoResult", shutter: "Callable[[], Awaitable[None]]") -> None:
        import asyncio

        from bridge.supervise.signals import until_told

        async with asyncio.TaskGroup() as group:
            told = group.create_task(until_told())
            pressing = group.create_task(_press_on_enter(shutter))
            await asyncio.sleep(0)  # both listen before anybody is told that they do
            finished(result)
            output.say("Enter presses the shutter again, Ctrl-C ends the demo")
            await told
            pressing.cancel()
        output.gap()

    return stay


async def _press_on_enter(shutter: "Callable[[], Awaitable[None]]") -> None:
    """One press a line of stdin; read by the loop and in no thread, which Ctrl-C could not end."""
    import asyncio
    import contextlib
    import os
    import sys

    loop, entered, number = asyncio.get_running_loop(), asyncio.Event(), sys.stdin.fileno()

    def read() -> None:
        if not os.read(number, 4096):
            loop.remove_reader(number)
        else:
            entered.set()

    with contextlib.suppress(PermissionError):  # a file or /dev/null: nothing can be waited for there
        loop.add_reader(number, read)
    try:
        while True:
            await entered.wait()
            entered.clear()
            await shutter()
    finally:
        loop.remove_reader(number)
