"""The options of `bridge ask` that no other command has."""

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.pictures import Source

__all__ = ["Every", "NamedPrompt", "OnChange", "PictureFile", "Question", "Shutter", "SourceOption", "Watch"]

Question = Annotated[
    str | None,
    typer.Argument(
        metavar="QUESTION", help="What is asked, or the name of a prompt; left out, the prompt of the settings."
    ),
]
NamedPrompt = Annotated[
    str | None, typer.Option("--prompt", metavar="NAME", help="A named prompt instead: see `bridge prompts list`.")
]
SourceOption = Annotated[
    Source | None,
    typer.Option("--source", help="Ask about a fresh photo, the screen, the newest photo (default) or a file."),
]
PictureFile = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE", help="A JPEG or PNG of this laptop; needs no phone.")
]
Shutter = Annotated[bool, typer.Option("--shutter", help="The same as --source camera.")]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Ask again and again, until Ctrl-C (exit code 130); --timeout is for each answer."),
]
OnChange = Annotated[
    bool,
    typer.Option(
        "--on-change",
        help="With --watch: leave out a picture like the last one asked about. Screens and fresh photos are compared "
        "as a glance would: coarsely and without their edges, so that a clock or a cursor is no change; a newest photo "
        "or a file by its name, time and size.",
    ),
]
Every = Annotated[
    float | None,
    typer.Option("--every", min=0.1, metavar="SECONDS", help="With --watch: the time between pictures (default 2)."),
]
