"""`bridge-host`: serve, and hand out keys. Thin: flags in, exit status out, everything heavy behind it."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from host_server.settings import ANSWER_CACHE_MIB

if TYPE_CHECKING:
    from host_server.security.keys import KeyFile
    from host_server.settings import HostSettings
    from host_server.wire.discovery import HostRecord

__all__ = ["app", "main", "serve"]

_USAGE = 2
_NO_MODEL = 6

_ResultT = TypeVar("_ResultT")

app = typer.Typer(
    name="bridge-host",
    help="The service that answers questions about pictures.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
token_app = typer.Typer(help="API keys for other programs and people.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(token_app, name="token")

StateDir = Annotated[
    Path | None,
    typer.Option(help="Where tokens, pictures and host.json live. [default: $BRIDGE_STATE_DIR or XDG state]"),
]


def main(words: list[str] | None = None, *, called: str = "bridge-host") -> NoReturn:
    """The command `bridge-host`; a mistake in its words ends like every other error, with a hint."""
    try:
        ended = app(words, prog_name=called, standalone_mode=False)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if not (hasattr(error, "format_message") and hasattr(error, "exit_code")):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            typer.echo(error.format_message(), err=True)
            sys.exit(_USAGE)
        command = getattr(getattr(error, "ctx", None), "command_path", called)
        _fail(error.format_message(), f"see `{command} --help`", _USAGE)
    sys.exit(ended if isinstance(ended, int) else 0)


@app.command()
def serve(
    *,
    engine: Annotated[
        list[str] | None, typer.Option(help="NAME or NAME=MODEL; repeatable, the first is the default.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8018,
    state_dir: StateDir = None,
    exit_when_idle: Annotated[
        float | None, typer.Option(help="End so many seconds after the last client has gone.", min=0)
    ] = None,
    answer_cache: Annotated[
        int, typer.Option(metavar="MIB", help="Memory for answers that may be given again; 0 keeps none.", min=0)
    ] = ANSWER_CACHE_MIB,
    allowed_host: Annotated[list[str] | None, typer.Option(help="A further name this host is called by.")] = None,
    insecure_lan: Annotated[bool, typer.Option("--insecure-lan", help="Listen beyond loopback without TLS.")] = False,
    ssl_certfile: Annotated[str | None, typer.Option(help="TLS certificate (PEM).")] = None,
    ssl_keyfile: Annotated[str | None, typer.Option(help="Its private key (PEM).")] = None,
) -> None:
    """Serve until Ctrl-C. Running answers may end first; a second Ctrl-C ends them."""
    from host_server.engines.base import EngineError, UnknownEngineError
    from host_server.settings import HostSettings, SettingsError

    try:
        settings = HostSettings.read(
            os.environ,
            state=state_dir,
            engines=tuple(engine or ()),
            host=host,
            port=port,
            names=tuple(allowed_host or ()),
            insecure_lan=insecure_lan,
            certfile=ssl_certfile,
            keyfile=ssl_keyfile,
            exit_when_idle_s=exit_when_idle,
            answer_cache_mib=answer_cache,
        )
        _serve(settings)
    except SettingsError as error:
        _fail(error.message, error.hint, _USAGE)
    except EngineError as error:
        _fail(error.message, error.hint, _USAGE if isinstance(error, UnknownEngineError) else _NO_MODEL)


@token_app.command("new")
def token_new(name: Annotated[str, typer.Argument(help="What the key is for.")], *, state_dir: StateDir = None) -> None:
    """Make a key and print it, once; only its digest is kept."""
    typer.echo(_with_keys(state_dir, lambda keys: keys.new(name)))


@token_app.command("list")
def token_list(*, state_dir: StateDir = None) -> None:
    """List names and prefixes."""
    for key in _with_keys(state_dir, lambda keys: keys.list()):
        typer.echo(f"brk_{key.prefix}\t{key.name}")


@token_app.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(help="Name or prefix of the key.")], *, state_dir: StateDir = None
) -> None:
    """Take a key back; a running host refuses it at once."""
    _with_keys(state_dir, lambda keys: keys.revoke(name))


def _serve(settings: "HostSettings") -> None:
    from host_server.launch import launch

    try:
        asyncio.run(launch(settings, _announce))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _announce(record: "HostRecord") -> None:
    typer.echo(f"bridge-host is listening on {record.url}; engines: {', '.join(record.engines)}", err=True)


def _with_keys(folder: Path | None, action: Callable[["KeyFile"], _ResultT]) -> _ResultT:
    from host_server.security.keys import KeyFile, KeyNameError
    from host_server.wire.discovery import UnsafeFileError, private_folder
    from host_server.wire.discovery import state_dir as default_folder

    try:
        return action(KeyFile(private_folder(folder or default_folder(os.environ))))
    except (KeyNameError, UnsafeFileError, OSError) as error:
        _fail(f"{error}.", "`bridge-host token list` shows the keys there are", _USAGE)


def _fail(message: str, hint: str, code: int) -> NoReturn:
    typer.echo(f"error: {message}\nhint: {hint}", err=True)
    sys.exit(code)
