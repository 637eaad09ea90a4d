"""Options of more than one command, and those about a model."""

from typing import Annotated, Final

import typer

from host_server.cli import units
from host_server.engines.options import Attention, Dtype, EngineOptions, Quantize

__all__ = [
    "DEFAULTS",
    "Attn",
    "Device",
    "Engines",
    "IdleUnload",
    "KvBytes",
    "MaxBatch",
    "MaxSide",
    "Offline",
    "Quantized",
    "RecycleAfter",
    "Revision",
    "Thinking",
    "Threads",
    "TrustRemoteCode",
    "Type",
    "Upstream",
    "UpstreamKeyEnv",
]

DEFAULTS: Final = EngineOptions()

Engines = Annotated[list[str] | None, typer.Option(help="NAME or NAME=MODEL; repeatable, the first is the default.")]
Revision = Annotated[str | None, typer.Option(help="Model: branch, tag or commit on its hub.")]
Type = Annotated[Dtype, typer.Option("--dtype", help="Model: what it computes in; auto takes what is quick here.")]
Device = Annotated[str, typer.Option(help="Model: auto, cpu, cuda, cuda:1 or mps.")]
Quantized = Annotated[
    Quantize, typer.Option("--quantize", help="Model: weights in 8 bits (int8) or 4 (nf4); see `bridge-host fit`.")
]
Attn = Annotated[Attention, typer.Option(help="Model: how attention is computed.")]
MaxSide = Annotated[
    int,
    typer.Option(metavar="PIXELS", help="Model: longest side of a picture; smaller is quicker.", min=28, max=4096),
]
MaxBatch = Annotated[int, typer.Option(help="Model: answers written at the same time.", min=1, max=256)]
KvBytes = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        parser=units.size,
        help="Model: memory for prompts and answers, such as 2GiB. [default: a share of what is free]",
    ),
]
Threads = Annotated[
    int | None, typer.Option(help="Model: threads on a CPU. [default: the cores it may use]", min=1, max=1024)
]
Thinking = Annotated[
    bool, typer.Option("--thinking", help="Model: let it think aloud where the question does not say.")
]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Model: run Python code that comes with it.")
]
Upstream = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="For `upstream=MODEL`: base URL of an OpenAI-compatible server; repeatable."),
]
UpstreamKeyEnv = Annotated[
    str | None, typer.Option(metavar="VARIABLE", help="The environment variable that holds their API key.")
]
IdleUnload = Annotated[
    float | None,
    typer.Option(
        metavar="TIME",
        parser=units.duration,
        help="Free the model's memory after so long without a question, such as 15m.",
    ),
]
RecycleAfter = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        parser=units.size,
        help="Start the model's process anew once it has grown by so much, such as 4GiB.",
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Model: never ask a hub; see `bridge-host pull`.")]
