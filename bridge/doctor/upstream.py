"""An upstream, asked about one picture as a host would ask it: by the host's own engine, in a process of its own."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from bridge.doctor.finding import HOST_CODE, Finding, failed, passed, warned
from bridge.errors import DeadlinePassed, HostUnavailable

__all__ = ["AREA", "examine_upstream", "judge_upstream"]

AREA = "upstream"


async def examine_upstream(
    url: str, model: str, key_env: str | None, *, environ: Mapping[str, str], seconds: float
) -> list[Finding]:
    """What stands between a host here and an answer of that server. Raises `HostUnavailable` or `DeadlinePassed`."""
    if find_spec("PIL") is None:
        raise HostUnavailable("the host's packages are not installed", hint="pip install 'lensbridge[host]'")
    words = ["-P", "-m", "host_server.engines.upstream", url, model, *([key_env] if key_env else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate()
    except TimeoutError:
        hint = "a model on a CPU may need minutes for its first picture: give more with --timeout"
        raise DeadlinePassed(f"no answer within {seconds:g} s", hint=hint) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return judge_upstream(json.loads(out) if process.returncode == 0 else [])


def judge_upstream(found: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What the engine found, in the doctor's terms."""
    if not found:
        text = "the check itself broke"
        return [
            failed(AREA, "check", text, hint="`bridge-host --help` shows whether the host runs", exit_code=HOST_CODE)
        ]
    return [_finding(**one) for one in found]


def _finding(*, check: str, status: str, text: str, hint: str) -> Finding:
    if status == "FAIL":
        return failed(AREA, check, text, hint=hint, exit_code=HOST_CODE)
    return warned(AREA, check, text, hint=hint) if status == "WARN" else passed(AREA, check, text)
