"""`bridge prompts`: the named questions: list, show, check, edit, and bring them to the phones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json, Lang, Serial, StateDir, Tcp, Timeout, Usb
from bridge.cli.output import Output, counted
from bridge.errors import DeadlinePassed, UsageError

if TYPE_CHECKING:
    from bridge.prompts import Language, PromptBook

__all__ = ["app"]

app = typer.Typer(name="prompts", help="The named questions.", no_args_is_help=True, rich_markup_mode=None)

PUSH_S = 60.0


@app.command("list")
def list_prompts(*, lang: Lang = None, json: Json = False) -> None:
    """Show all prompts and which file each comes from."""
    from bridge.prompts import places

    book, language, setting = _book(lang)
    output = Output(as_json=json)
    if json:
        files = [
            {"path": str(place.path), "kind": place.kind, "found": place.path.exists()} for place in _places(setting)
        ]
        output.json({"language": language, "files": files, "prompts": [_summary(prompt, language) for prompt in book]})
        return
    rows = [(p.name, p.title(language), "JSON" if p.entry.json_schema else "text", p.origin) for p in book]
    output.table(("NAME", "TITLE", "ANSWER", "FROM"), rows)
    own = next(place for place in places(_environ(), setting) if place.kind == "user")
    output.say("`bridge ask --prompt NAME` asks one", detail=f"your own: {own.path} (`bridge prompts edit`)")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The prompt.")], *, lang: Lang = None, json: Json = False
) -> None:
    """Show one prompt: the question, the system text, the parameters and the schema."""
    import json as codec

    book, language, _ = _book(lang)
    prompt = book.get(name)
    output = Output(as_json=json)
    if json:
        output.json({**_summary(prompt, language), **prompt.document(), "create": prompt.options(language)})
        return
    output.say(f"{prompt.name}: {prompt.title(language)}", detail=f"from {prompt.origin}")
    output.data(prompt.text(language))
    options = prompt.options(language)
    if system := options.pop("instructions", None):
        output.data(f"\nsystem: {system}")
    schema = options.pop("text", {}).get("format", {}).get("schema")
    if options:
        output.data("\nparameters: " + ", ".join(f"{key} {value}" for key, value in options.items()))
    if schema:
        output.data("\nschema: " + codec.dumps(schema, ensure_ascii=False, indent=2))


@app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A file; left out, all that are in use.")] = None,
    *,
    json: Json = False,
) -> None:
    """Look for mistakes, each told as file:line: what is wrong."""
    from bridge.prompts import read_file

    output = Output(as_json=json)
    if file is not None:
        count, checked = len(read_file(file)), [str(file)]
    else:
        book, _, setting = _book(None)
        count, checked = len(book), [str(place.path) for place in _places(setting) if place.path.exists()]
    output.say(f"{counted(count, 'prompt')}, no mistakes", detail=", ".join(checked))
    if json:
        output.json({"prompts": count, "files": checked, "problems": []})


@app.command("edit")
def edit(*, json: Json = False) -> None:
    """Open your own prompts in $VISUAL or $EDITOR. They are taken over when they are right, and kept in any case."""
    from bridge.prompts import PromptFileError, places
    from bridge.prompts.draft import Draft

    output = Output(as_json=json)
    own = next(place for place in places(_environ()) if place.kind == "user")
    draft = Draft(own.path)
    if not draft.begin():
        output.say(f"going on with {draft.path}", detail="an earlier edit was not finished; delete it to begin anew")
    try:
        _run_editor(draft.path)
    except UsageError:
        draft.drop_unchanged()
        raise
    try:
        prompts = draft.finish()
    except PromptFileError as error:
        error.hint = f"run `bridge prompts edit` again to go on; until it is right, {own.path} stays as it was"
        raise
    output.say(
        f"{counted(len(prompts), 'prompt')} in {own.path}", detail="`bridge prompts push` brings them to the phones"
    )
    if json:
        output.json({"path": str(own.path), "prompts": sorted(prompts)})


@app.command("push")
def push(
    *,
    serials: Serial = None,
    usb: Usb = False,
    tcp: Tcp = False,
    everything: Annotated[bool, typer.Option("--all", help="Every usable phone.")] = False,
    state_dir: StateDir = None,
    timeout: Timeout = PUSH_S,
    json: Json = False,
) -> int:
    """Put the list on the phones; a page that is connected shows it at once."""
    import asyncio

    from bridge.cli.prompts_push import push_all, report
    from bridge.config import load

    book, _, _ = _book(None)
    folder, seconds = load(state_dir=state_dir).state_dir, timeout or PUSH_S
    try:
        done = asyncio.run(push_all(seconds, book, folder, serials or [], usb=usb, tcp=tcp, everything=everything))
    except TimeoutError:
        raise DeadlinePassed(f"not done within {seconds:g} s", hint="give more time with --timeout") from None
    return report(done, Output(as_json=json))


def _run_editor(path: Path) -> None:
    """Let the user's editor run on a file, in this terminal."""
    import os
    import shlex
    import subprocess

    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    hint = "set VISUAL or EDITOR to the command of your editor"
    try:
        words = shlex.split(command)
        ended = subprocess.run([*words, str(path)], check=False)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"the editor {command!r} cannot be started: {reason}", hint=hint) from None
    if ended.returncode:
        raise UsageError(f"the editor {command!r} ended with {ended.returncode}; nothing was taken over", hint=hint)


def _book(lang: str | None) -> "tuple[PromptBook, Language, Path | None]":
    from bridge.config import load
    from bridge.prompts import default_language
    from bridge.prompts import load as load_prompts

    settings = load(lang=lang)
    environ = _environ()
    return load_prompts(environ, settings.prompts), settings.lang or default_language(environ), settings.prompts


def _places(setting: Path | None) -> Any:
    from bridge.prompts import places

    return places(_environ(), setting)


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)


def _summary(prompt: Any, language: "Language") -> dict[str, Any]:
    form = "json" if prompt.entry.json_schema else "text"
    return {"name": prompt.name, "title": prompt.title(language), "answer": form, "from": prompt.origin}
