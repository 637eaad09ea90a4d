"""How a command ends that could not do what it was told: two lines on stderr, or one object, and an exit status."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

__all__ = ["INCOMPLETE", "INTERRUPTED", "NO_MODEL", "USAGE", "StateDir", "answering", "end_with", "usage"]

USAGE: Final = 2
NO_MODEL: Final = 6
INCOMPLETE: Final = 7
INTERRUPTED: Final = 130

StateDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where tokens, pictures and host.json live. [default: $BRIDGE_STATE_DIR or XDG state]"
    ),
]


class _Usage(Exception):
    """The words of the command make no sense."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def end_with(message: str, hint: str, code: int, *, as_json: bool = False) -> NoReturn:
    """Say what went wrong and what to do next."""
    told = json.dumps({"message": message, "hint": hint, "exit_code": code})
    typer.echo(told if as_json else f"error: {message}\nhint: {hint}", err=True)
    sys.exit(code)


def usage(message: str, hint: str) -> NoReturn:
    """End, inside `answering`, because of what was asked for."""
    raise _Usage(message, hint)


@contextmanager
def answering(*, as_json: bool) -> Generator[None]:
    """Inside the block, what a model cannot do or be ends the command in words."""
    from host_server.checkpoints.errors import CheckpointError
    from host_server.engines.base import EngineError

    try:
        yield
    except _Usage as error:
        end_with(error.message, error.hint, USAGE, as_json=as_json)
    except ValueError as error:
        end_with(f"{error}.", "see --help", USAGE, as_json=as_json)
    except CheckpointError as error:
        end_with(error.message, error.hint, error.exit_code, as_json=as_json)
    except EngineError as error:
        end_with(error.message, error.hint, NO_MODEL, as_json=as_json)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        end_with(f"{error.strerror}{where}.", "is there room, and may you write there?", INCOMPLETE, as_json=as_json)
    except KeyboardInterrupt:
        end_with("interrupted.", "the same command goes on where it ended", INTERRUPTED, as_json=as_json)
