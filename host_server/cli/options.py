"""The options of `serve`, those about a model shared with `pull` and `fit`, in the order of `serve --help`."""

from typing import Annotated, Final, Literal

import typer

from host_server.cli import units
from host_server.engines.options import Attention, Dtype, EngineOptions, Quantize

__all__ = [
    "DEFAULTS",
    "Address",
    "AllowedHost",
    "AnswerCache",
    "Attn",
    "Certificate",
    "Degrade",
    "Device",
    "Engines",
    "ExitWhenIdle",
    "IdleUnload",
    "InsecureLan",
    "KvBytes",
    "MaxBatch",
    "MaxSide",
    "Offline",
    "Port",
    "PrivateKey",
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

Engines = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[=MODEL]",
        help="What answers: transformers_vlm=MODEL, upstream=MODEL, ocr or echo; repeatable, the first is the default.",
    ),
]
Address = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")]
Port = Annotated[int, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
ExitWhenIdle = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="End so many seconds after the last client has gone.", min=0),
]
AnswerCache = Annotated[
    int, typer.Option(metavar="MIB", help="Memory for answers that may be given again; 0 keeps none.", min=0)
]
AllowedHost = Annotated[list[str] | None, typer.Option(metavar="NAME", help="A further name this host is called by.")]
InsecureLan = Annotated[bool, typer.Option("--insecure-lan", help="Listen beyond loopback without TLS.")]
Certificate = Annotated[str | None, typer.Option(metavar="FILE", help="TLS certificate (PEM).")]
PrivateKey = Annotated[str | None, typer.Option(metavar="FILE", help="Its private key (PEM).")]
Revision = Annotated[str | None, typer.Option(metavar="REVISION", help="Model: branch, tag or commit on its hub.")]
Type = Annotated[Dtype, typer.Option("--dtype", help="Model: what it computes in; auto takes what is quick here.")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="Model: auto, cpu, cuda, cuda:1 or mps.")]
Quantized = Annotated[
    Quantize, typer.Option("--quantize", help="Model: weights in 8 bits (int8) or 4 (nf4); see `bridge-host fit`.")
]
Attn = Annotated[Attention, typer.Option(help="Model: how attention is computed.")]
MaxSide = Annotated[
    int,
    typer.Option(metavar="PIXELS", help="Model: longest side of a picture; smaller is quicker.", min=28, max=4096),
]
MaxBatch = Annotated[int, typer.Option(metavar="N", help="Model: answers written at the same time.", min=1, max=256)]
KvBytes = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        parser=units.size,
        help="Model: memory for prompts and answers, such as 2GiB. [default: a share of what is free]",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(metavar="N", help="Model: threads on a CPU. [default: the cores it may use]", min=1, max=1024),
]
Thinking = Annotated[
    bool, typer.Option("--thinking", help="Model: let it think aloud where the question does not say.")
]
TrustRemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Model: run Python code that comes with it.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Model: never ask a hub; see `bridge-host pull`.")]
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
Degrade = Annotated[
    Literal["on", "off"], typer.Option(help="Whether answers get simpler under load before questions are refused.")
]
