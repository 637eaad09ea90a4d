"""`bridge-host fit`: whether a model goes into this machine's memory, before it is fetched."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_server.cli import hub_options, options, units
from host_server.cli.ending import answering
from host_server.cli.units import show_size

if TYPE_CHECKING:
    from host_server.checkpoints.fit import Need, Shape
    from host_server.checkpoints.measure import Measured
    from host_server.checkpoints.sources import SourceName

__all__ = ["fit"]

_WIDTHS = {"bfloat16": 2, "float16": 2, "float32": 4}


def fit(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder, or OWNER/NAME on the hub.")],
    *,
    memory: Annotated[
        int | None,
        typer.Option(metavar="SIZE", parser=units.size, help="Such as 24GiB. [default: the first GPU here, else RAM]"),
    ] = None,
    max_side: options.MaxSide = options.DEFAULTS.max_side,
    max_batch: options.MaxBatch = options.DEFAULTS.max_batch,
    quantize: options.Quantized = options.DEFAULTS.quantize,
    dtype: options.Type = options.DEFAULTS.dtype,
    revision: options.Revision = None,
    source: hub_options.SourceOption = "huggingface",
    endpoint: hub_options.Endpoint = None,
    token_env: hub_options.TokenEnv = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say the result as JSON.")] = False,
) -> None:
    """Say whether a model fits the card with its prompts and pictures, and what helps. Ends with 0 if so, else 1."""
    with answering(as_json=as_json):
        from host_server.checkpoints import fit as fitting
        from host_server.checkpoints.measure import Memory, here

        place = here() if memory is None else Memory(memory, "a card", is_card=True)
        kind = dtype if dtype != "auto" else "bfloat16" if place.is_card else "float32"
        measured = _measured(model, revision, source, endpoint, token_env)
        shape = fitting.shape_of(measured.config)
        use = fitting.Use(_WIDTHS[kind], max_side, max_batch)
        needs = {stored: fitting.need(shape, measured.tensors, use, stored) for stored in fitting.QUANTIZE}
        flags = fitting.advice(shape, measured.tensors, use, place.size, quantize=quantize)
        report = {
            "model": model,
            "parameters": sum(tensor.count for tensor in measured.tensors),
            "memory": place.size,
            "memory_of": place.name,
            "dtype": kind,
            "max_side": max_side,
            "max_batch": max_batch,
            "picture_tokens": shape.picture_tokens(max_side),
            "kv_bytes_per_token": shape.kv_per_token(use.width),
            "needs": [_row(stored, needed, fits=fitting.fits(needed, place.size)) for stored, needed in needs.items()],
            "fits": flags == (),
            "advice": None if flags is None else " ".join(flags),
        }
    typer.echo(json.dumps(report) if as_json else _told(report, shape, quantize))
    raise typer.Exit(0 if report["fits"] else 1)


def _measured(
    model: str, revision: str | None, source: "SourceName", endpoint: str | None, token_env: str | None
) -> "Measured":
    """From here when it is here, else from its hub."""
    from host_server.checkpoints.measure import in_folder, on_hub
    from host_server.engines.base import EngineError
    from host_server.engines.transformers_vlm.folder import find, is_hub_id

    try:
        return in_folder(find(model, revision))
    except EngineError:
        if not is_hub_id(model):
            raise
    with hub_options.hub(source, endpoint, token_env) as hub:
        return on_hub(hub.web, hub.source, model, revision)


def _row(stored: str, needed: "Need", *, fits: bool) -> dict[str, Any]:
    return {
        "quantize": stored,
        "weights": needed.weights,
        "kv": needed.kv,
        "pictures": needed.pictures,
        "working": needed.working,
        "total": needed.total,
        "fits": fits,
    }


def _told(report: dict[str, Any], shape: "Shape", quantize: str) -> str:
    columns = ("weights", "kv", "pictures", "working", "total")
    use = (
        f"pictures up to {report['max_side']} px are {report['picture_tokens']} tokens, {report['max_batch']} answers "
        f"at once, {report['kv_bytes_per_token'] / 1024:g} KiB of KV a token in {shape.layers} layers"
    )
    lines = [
        f"{report['model']}: {_count(report['parameters'])} weights, computed in {report['dtype']}",
        f"{report['memory_of']}: {show_size(report['memory'])}; {use}",
        "",
        "--quantize" + "".join(f"{column:>10}" for column in columns),
        *(
            f"{row['quantize']:<10}"
            + "".join(f"{show_size(row[column]):>10}" for column in columns)
            + ("   fits" if row["fits"] else "   too large")
            for row in report["needs"]
        ),
        "",
    ]
    if report["fits"]:
        return "\n".join([*lines, "It fits" + ("." if quantize == "none" else f" with --quantize {quantize}.")])
    if report["advice"] is None:
        return "\n".join(
            [*lines, "It does not fit. Take a smaller model, a larger card, or a server elsewhere (upstream)."]
        )
    return "\n".join([*lines, f"It does not fit as asked; it does with {report['advice']}."])


def _count(number: int) -> str:
    return f"{number / 1e9:.3g} billion" if number >= 10**9 else f"{number / 1e6:.3g} million"
