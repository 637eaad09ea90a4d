"""How long the command itself takes to say something: whole processes, beside a bare Python and adb's own list."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.adb_server import PrivateAdbServer
from tools.bench.measure import median, row

ROUNDS = 7
HELP_S, DEVICES_S = 0.3, 0.6


def rows() -> list[dict[str, Any]]:
    """`bridge --help` and `bridge devices` with the adb server up."""
    bridge = [str(Path(sys.executable).parent / "bridge")]
    with tempfile.TemporaryDirectory() as home:
        server = PrivateAdbServer(Path(home)).start()
        try:
            adb = [server.adb, "devices", "-l"]
            nothing, helped = _pairs([sys.executable, "-c", "pass"], [*bridge, "--help"], os.environ)
            listed_by_adb, listed = _pairs(adb, [*bridge, "devices"], server.env)
        finally:
            server.stop()
    return [
        _row("bridge --help", helped, "python -c pass", nothing, HELP_S),
        _row("bridge devices (server up)", listed, "adb devices -l", listed_by_adb, DEVICES_S),
    ]


def _row(name: str, value: float, peer: str, peer_value: float, limit: float) -> dict[str, Any]:
    return row(
        name,
        value,
        "s",
        peer=peer,
        peer_value=peer_value,
        ratio=value / peer_value,
        budget=f"<= {limit} s",
        met=value <= limit,
    )


def _pairs(peer: Sequence[str], ours: Sequence[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """Medians of both, taken in turn so that the machine's mood hits both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for words, kept in zip((peer, ours), times, strict=True):
            started = time.perf_counter()
            subprocess.run(words, env=dict(environ), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if number:  # the first round warms the disk cache
                kept.append(time.perf_counter() - started)
    return median(times[0]), median(times[1])


if __name__ == "__main__":
    print(*rows(), sep="\n")
