"""`bridge ask`: one question about one picture, or about each new one, the answer streamed to the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.ask_options import (
    Every,
    NamedPrompt,
    OnChange,
    PictureFile,
    Question,
    Shutter,
    SourceOption,
    Watch,
)
from bridge.cli.ask_watch import Pace, watch_and_ask
from bridge.cli.options import HostUrl, Json, Lang, Model, Serial, StateDir, Tcp, Timeout, TokenFile, Usb
from bridge.cli.output import Output
from bridge.cli.pictures import Choice, Display, Source, Wanted, opened_phone, opened_spool, wanted
from bridge.errors import DeadlinePassed, UsageError
from bridge.phone.named import Asked, asked_of, one_question

if TYPE_CHECKING:
    from bridge.config import Settings

__all__ = ["ask"]

DEADLINE_S = 300.0
EVERY_S = 2.0


def ask(
    question: Question = None,
    *,
    prompt: NamedPrompt = None,
    lang: Lang = None,
    source: SourceOption = None,
    picture: PictureFile = None,
    shutter: Shutter = False,
    display: Display = None,
    watch: Watch = False,
    on_change: OnChange = False,
    every: Every = None,
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
    """Ask about one picture. It is a file, the phone's newest photo, a fresh one, or its screen."""
    import asyncio

    from bridge.config import load

    if not watch and (on_change or every is not None):
        raise UsageError("--on-change and --every are for --watch", hint="add --watch")
    if picture is not None and (shutter or serials or usb or tcp):
        raise UsageError(
            "--picture is a file of this laptop; it goes with no phone", hint="leave out --shutter, -s, -d, -e"
        )
    one_question(question, prompt)
    meant = wanted(_source(source, picture, shutter=shutter), file=picture, display=display)
    settings = load(
        model=model, prompt=question, lang=lang, host_url=host_url, token_file=token_file, state_dir=state_dir
    )
    asked = asked_of(settings, prompt)
    phone = None if picture is not None else Choice(tuple(serials or ()), usb=usb, tcp=tcp)
    output, seconds = Output(as_json=json), timeout or DEADLINE_S
    if watch:
        work = watch_and_ask(settings, asked, meant, phone, output, Pace(every or EVERY_S, seconds, on_change))
    else:
        work = _ask_once(settings, asked, meant, phone, output, seconds)
    try:
        asyncio.run(work)
    except TimeoutError:
        raise DeadlinePassed(
            f"no answer within {seconds:g} s", hint="give more time with --timeout, or see `bridge status`"
        ) from None
    return 0


def _source(source: Source | None, picture: Path | None, *, shutter: bool) -> Source:
    """What the older spellings mean."""
    meant = Source.file if picture is not None else Source.camera if shutter else source or Source.newest
    if source not in {None, meant}:
        other = "--picture" if picture is not None else "--shutter"
        raise UsageError(
            f"--source {source} does not go with {other}", hint=f"leave out one of them: {other} or --source"
        )
    return meant


async def _ask_once(
    settings: "Settings", asked: Asked, meant: Wanted, choice: Choice | None, output: Output, seconds: float
) -> None:
    import asyncio

    from bridge.cli.asking import asking

    async with asyncio.timeout(seconds), opened_spool(settings) as spool:
        async with opened_phone(settings, choice) as phone:
            seen = await meant.way(settings, spool, phone).look()
            capture = await seen.keep()
        async with asking(settings, asked, spool, phone, output) as asker:
            problem = await asker.about(capture)
    if problem:
        raise problem
