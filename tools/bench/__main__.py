"""`make bench`: every budget that can be measured by now, ours beside the peer in the same run; writes bench.json.

usage: python -m tools.bench [NAME ...]      with names, only those files of tools/bench
"""

import importlib
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.adb_server import bundled_adb

PARTS = (
    "command_line",
    "adb_speed",
    "imaging",
    "front_and_host",
    "cached",
    "photo_to_question",
    "streams",
    "frozen_page",
    "recovery",
    "idle",
)
OUT = Path("bench.json")


def main(names: list[str]) -> int:
    """Run the parts, print their table, write the rows. 1 when a budget is missed."""
    about, began = machine(names), time.monotonic()
    rows: list[dict[str, Any]] = []
    for name in names or PARTS:
        print(f"-- {name}", file=sys.stderr, flush=True)
        found = importlib.import_module(f"tools.bench.{name}").rows()
        for row in found:
            show(row)
        rows += found
    about["took_s"] = round(time.monotonic() - began, 1)
    OUT.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    missed = [row["name"] for row in rows if row["met"] is False]
    print(f"{len(rows)} rows, {len(missed)} missed{': ' + ', '.join(missed) if missed else ''}; {OUT}")
    return 1 if missed else 0


def show(row: dict[str, Any]) -> None:
    """One row for eyes."""
    peer = f"{row['peer']} {row['peer_value']:.4g}" if row.get("peer_value") is not None else str(row.get("peer") or "")
    ratio = f"{row['ratio']:.2f}x" if row.get("ratio") is not None else ""
    verdict = {True: "met", False: "MISSED", None: ""}[row["met"]]
    print(
        f"{row['name']:<58} {row['value']:>9.4g} {row['unit']:<6} {peer:<34} {ratio:>7}  {row['budget']:<24} {verdict}",
        flush=True,
    )


def machine(names: list[str]) -> dict[str, Any]:
    """What the numbers were measured on, and by which command."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    packages = {
        name: version(name) for name in ("adbutils", "lensbridge", "pillow", "rapidocr", "uvicorn", "websockets")
    }
    return {
        "command": " ".join(["python -m tools.bench", *names]),
        "commit": _said("git", "describe", "--always", "--dirty"),
        "load": os.getloadavg()[0],
        "adb": _said(bundled_adb(), "--version").partition("Version ")[2].partition("-")[0],
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": packages,
    }


def _said(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
