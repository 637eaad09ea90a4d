"""Put the rows of a run into docs/benchmarks.md, between the marks that are theirs, with the command that made them.

usage: python -m tools.bench.report [bench.json | bench-engine.json]
"""

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["table"]

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
MARKS = {"bench": "measured", "bench-engine": "engine"}
VERDICTS = {True: "met", False: "**missed**", None: ""}


def main(source: Path) -> None:
    """Read, render, replace."""
    page, mark = PAGE.read_text(encoding="utf-8"), MARKS[source.stem]
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    measured = table(json.loads(source.read_text(encoding="utf-8")))
    PAGE.write_text(f"{before}{begin}\n{measured}\n{end}{after}", encoding="utf-8")


def table(bench: dict[str, Any]) -> str:
    """The machine, the command and a row for each row, as Markdown."""
    machine = bench["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    lines = [
        f"`{machine['command']}`, {machine['when']}, commit {machine['commit']}, {machine['took_s']:.0f} s in all. ",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}; load when it began: {machine['load']:.1f}. ",
        f"Python {machine['python']}, {_adb(machine)}{versions}.",
        "",
        "| what | ours | beside it | ratio | budget | |",
        "|---|---:|---|---:|---|---|",
        *(_line(row) for row in bench["rows"]),
    ]
    return "\n".join(lines)


def _adb(machine: dict[str, Any]) -> str:
    return f"adb {machine['adb']}, " if "adb" in machine else ""


def _line(row: dict[str, Any]) -> str:
    beside = "" if row["peer_value"] is None else f"{row['peer']}: {row['peer_value']:.4g}"
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}x"
    cells = [row["name"], f"{row['value']:.4g} {row['unit']}", beside, ratio, row["budget"], VERDICTS[row["met"]]]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "bench.json"))
