"""The options several commands share, spelled once."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "HostUrl",
    "Json",
    "Lang",
    "Model",
    "PhonePort",
    "Prompt",
    "Serial",
    "SerialArgument",
    "StateDir",
    "Tcp",
    "Timeout",
    "TokenFile",
    "Usb",
]

Serial = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--serial",
        metavar="SERIAL",
        help="A phone: its serial, a unique beginning of it, or a pattern such as 'emulator-*'. Repeatable.",
    ),
]
SerialArgument = Annotated[
    str | None, typer.Argument(metavar="SERIAL", help="The phone; may be left out when there is only one.")
]
Usb = Annotated[bool, typer.Option("-d", "--usb", help="The phone on the cable.")]
Tcp = Annotated[bool, typer.Option("-e", "--tcp", help="The phone on the network, or an emulator.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout; one object a line where things stream.")]
HostUrl = Annotated[
    str | None, typer.Option("--host-url", metavar="URL", help="Use this host instead of finding or starting one.")
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help="A file that holds the host's key.")
]
StateDir = Annotated[
    Path | None, typer.Option("--state-dir", metavar="DIR", help="Where tokens, pictures and leases are kept.")
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Which engine or model of the host answers.")
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt", metavar="TEXT|NAME", help="What is asked about each new picture: a question, or a prompt's name."
    ),
]
Lang = Annotated[
    str | None,
    typer.Option("--lang", metavar="en|zh", help="The language of named prompts; the terminal's, if left out."),
]
PhonePort = Annotated[
    int | None, typer.Option("--phone-port", metavar="PORT", help="The port the page has on the phone.")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Seconds for the whole command.")
]
