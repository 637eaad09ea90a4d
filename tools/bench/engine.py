"""`make bench-engine`: the model's engine beside plain `generate()` in one run; writes bench-engine.json.

On a card: `python -m tools.bench.engine --device cuda --shape 9b --dtype bfloat16 [--quantize int8]`. That needs torch
(2.11 or later), transformers (5.17 or later), pillow and this folder; no network, no checkpoint, about 25 GB of memory.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

OUT = Path("bench-engine.json")


def main() -> int:
    """Run the parts, print their table, write the rows. 1 when a budget is missed."""
    words = argparse.ArgumentParser(prog="python -m tools.bench.engine", description=__doc__)
    words.add_argument("--shape", choices=("tiny", "base", "9b"), default="base", help="base: 245 M weights")
    words.add_argument("--device", default="cpu")
    words.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    words.add_argument("--quantize", choices=("none", "int8"), default="none")
    words.add_argument("--only", choices=("model", "host"), help="one half: the model alone, or through a whole host")
    asked = words.parse_args()
    began = time.monotonic()
    found = []
    for row in _rows(asked):
        _show(row)
        found.append(row)
    about = _machine(asked) | {"took_s": round(time.monotonic() - began, 1)}
    OUT.write_text(json.dumps({"machine": about, "rows": found}, indent=1) + "\n", encoding="utf-8")
    missed = [row["name"] for row in found if row["met"] is False]
    print(f"{len(found)} rows, {len(missed)} missed{': ' + ', '.join(missed) if missed else ''}; {OUT}")
    return 1 if missed else 0


def _rows(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if asked.only != "host":
        yield from _model_rows(asked)
    if asked.only == "host" or (asked.only is None and asked.device == "cpu"):
        from tools.bench import engine_host

        yield from engine_host.rows()


def _model_rows(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    import torch

    from tools.bench import engine_card, engine_speed
    from tools.bench.engine_model import Bench

    bench = Bench(asked.shape, asked.device, getattr(torch, asked.dtype), quantize=asked.quantize)
    together, budget = ((1, 4, 16), 5.0) if asked.device != "cpu" else ((1, 4, 8), 2.0)
    yield from engine_speed.rows(bench, together, budget=budget)
    if asked.device != "cpu":
        yield from engine_card.rows(bench, together)


def _show(row: dict[str, Any]) -> None:
    peer = f"{row['peer']} {row['peer_value']:.4g}" if row["peer_value"] is not None else row["peer"]
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}x"
    verdict = {True: "met", False: "MISSED", None: ""}[row["met"]]
    print(
        f"{row['name']:<72} {row['value']:>9.4g} {row['unit']:<5} {peer:<34} {ratio:>7}  {row['budget']:<24} {verdict}",
        flush=True,
    )


def _machine(asked: argparse.Namespace) -> dict[str, Any]:
    import torch
    import transformers

    card = torch.cuda.get_device_name(asked.device) if asked.device.startswith("cuda") else None
    return {
        "command": " ".join(["python -m tools.bench.engine", *sys.argv[1:]]),
        "commit": _commit(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "card": card,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)  # ruff: ignore[start-process-with-partial-path]
    return told.stdout.strip() or "unknown"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    sys.exit(main())
