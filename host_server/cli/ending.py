"""How a command ends that could not do what it was told: two lines on stderr and an exit status."""

import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

__all__ = ["NO_MODEL", "USAGE", "StateDir", "end_with"]

USAGE: Final = 2
NO_MODEL: Final = 6

StateDir = Annotated[
    Path | None,
    typer.Option(help="Where tokens, pictures and host.json live. [default: $BRIDGE_STATE_DIR or XDG state]"),
]


def end_with(message: str, hint: str, code: int) -> NoReturn:
    """Say what went wrong and what to do next."""
    typer.echo(f"error: {message}\nhint: {hint}", err=True)
    sys.exit(code)
