"""`bridge-host token`: API keys for other programs and people."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from host_server.cli.ending import USAGE, StateDir, end_with

if TYPE_CHECKING:
    from host_server.security.keys import KeyFile

__all__ = ["app"]

_ResultT = TypeVar("_ResultT")

app = typer.Typer(help="API keys for other programs and people.", no_args_is_help=True, rich_markup_mode=None)


@app.command("new")
def token_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")], *, state_dir: StateDir = None
) -> None:
    """Make a key and print it, once; only its digest is kept."""
    typer.echo(_with_keys(state_dir, lambda keys: keys.new(name)))


@app.command("list")
def token_list(*, state_dir: StateDir = None) -> None:
    """List names and prefixes."""
    for key in _with_keys(state_dir, lambda keys: keys.list()):
        typer.echo(f"brk_{key.prefix}\t{key.name}")


@app.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or prefix of the key.")],
    *,
    state_dir: StateDir = None,
) -> None:
    """Take a key back; a running host refuses it at once."""
    _with_keys(state_dir, lambda keys: keys.revoke(name))


def _with_keys(folder: Path | None, action: Callable[["KeyFile"], _ResultT]) -> _ResultT:
    from host_server.security.keys import KeyFile, KeyNameError
    from host_server.wire.discovery import UnsafeFileError, private_folder
    from host_server.wire.discovery import state_dir as default_folder

    try:
        return action(KeyFile(private_folder(folder or default_folder(os.environ))))
    except (KeyNameError, UnsafeFileError, OSError) as error:
        end_with(f"{error}.", "`bridge-host token list` shows the keys there are", USAGE)
