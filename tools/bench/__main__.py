"""`make bench`: every budget that can be measured by now, ours beside the peer in the same run; writes bench.json.

usage: python -m tools.bench [NAME ...]      with names, only those files of tools/bench
"""

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

PARTS = ("command_line", "adb_speed", "imaging", "front_and_host", "photo_to_question", "streams", "recovery", "idle")
OUT = Path("bench.json")


def main(names: list[str]) -> int:
    """Run the parts, print their table, write the rows. 1 when a budget is missed."""
    rows: list[dict[str, Any]] = []
    for name in names or PARTS:
        print(f"-- {name}", file=sys.stderr, flush=True)
        found = importlib.import_module(f"tools.bench.{name}").rows()
        for row in found:
            show(row)
        rows += found
    OUT.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
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


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    packages = {name: version(name) for name in ("adbutils", "lensbridge", "uvicorn", "websockets")}
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": packages,
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
