"""`bridge demo`: see all of it with no phone, no GPU and no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import Json
from bridge.cli.output import Output
from bridge.errors import HostUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.virtual.record import Stage

__all__ = ["demo"]


def demo(
    *,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Photograph this JPEG or PNG instead of the order screen.")
    ] = None,
    prompt: Annotated[str, typer.Option("--prompt", help="What is asked about it.")] = "What is the order number?",
    engine: Annotated[str, typer.Option("--engine", help="The engine that answers.")] = "ocr",
    page: Annotated[Path, typer.Option("--page", help="Where the page about the demo is written.")] = Path("demo.html"),
    open_: Annotated[
        bool, typer.Option("--open", help="Stay up and open the phone's page in this laptop's browser.")
    ] = False,
    json: Json = False,
) -> None:
    """A virtual phone under the real adb server: shutter, pull, question, streamed answer, in one go."""
    import asyncio
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "PIL", "rapidocr") if find_spec(name) is None]
    if missing:
        raise HostUnavailable(f"the demo needs {', '.join(missing)}", hint="pip install 'lensbridge[demo]'")
    from bridge.virtual.demo import run_demo
    from bridge.virtual.demo_page import write_demo_page
    from bridge.virtual.record import DemoSetup

    output = Output(as_json=json)
    output.heading("lensbridge demo: a virtual phone under the real adb server")
    setup = DemoSetup(prompt=prompt, picture=picture, engine=engine, browser=_opener(output) if open_ else None)
    result = asyncio.run(
        run_demo(
            setup,
            on_stage=_stage_line(output),
            on_delta=_nothing if json else output.stream,
            stay=_stay(output) if open_ else None,
        )
    )
    write_demo_page(result, page)
    if json:
        output.json(result.to_json())
    output.say(f"{page} shows the picture, the answer and each stage")


def _nothing(_piece: str) -> None:
    """With --json the answer stands in the object."""


def _stage_line(output: Output) -> "Callable[[Stage], None]":
    def show(stage: "Stage") -> None:
        output.say(f"{stage.at_ms / 1000:7.2f} s  {stage.name}", detail=stage.detail)

    return show


def _opener(output: Output) -> "Callable[[str], None]":
    def show(url: str) -> None:
        import webbrowser

        output.say("the phone's page, through the phone:", detail=url.split("#", 1)[0])
        if not webbrowser.open(url):
            output.data(url)

    return show


def _stay(output: Output) -> "Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]":
    async def stay(shutter: "Callable[[], Awaitable[None]]") -> None:
        import asyncio
        import sys

        output.say("Enter presses the shutter again, Ctrl-C ends the demo")
        while await asyncio.to_thread(sys.stdin.readline):
            await shutter()
        await asyncio.Event().wait()

    return stay
