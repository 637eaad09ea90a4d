"""A command as a process whose memory is watched: the peak that the kernel keeps of it, read until it ends."""

import asyncio
import contextlib
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Measured", "measured", "watch_memory"]

BRIDGE = str(Path(sys.executable).parent / "bridge")
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Measured:
    """How a command ended, how long it took, and the most memory it had, in MiB."""

    code: int
    out: str
    err: str
    took_s: float
    peak_mib: float

    @property
    def hint(self) -> str:
        """The next step it gave, as words or as JSON."""
        told = next((line.removeprefix("hint: ") for line in self.err.splitlines() if line.startswith("hint: ")), "")
        last = json.loads(self.out.splitlines()[-1]) if self.out.startswith("{") else {}
        return told or last.get("hint") or ""


async def measured(*words: str, env: Mapping[str, str], cwd: Path, deadline: float) -> Measured:
    """Run one `bridge` command to its end, or kill it and fail."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        BRIDGE,
        *words,
        env=dict(env),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            peak = group.create_task(watch_memory(process.pid))
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"bridge {words} did not end in {deadline} s: {out[-500:]!r} {err[-500:]!r}") from None
    took = time.monotonic() - began
    return Measured(process.returncode or 0, out.decode(), err.decode(), took, peak.result())


async def watch_memory(pid: int) -> float:
    """The most memory of a process, in MiB, once it has ended. Linux only."""
    peak = 0
    with contextlib.suppress(OSError):  # it is gone
        while True:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
            if found is None:
                break
            peak = int(found[1])  # it only grows
            await asyncio.sleep(_LOOK_S)
    return peak / 1024
