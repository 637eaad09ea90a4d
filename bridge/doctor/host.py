"""The host: is there one, does it know our key, is it ready, and is it of our version?"""

import os
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bridge.client.state import is_loopback
from bridge.client.tls import trusted
from bridge.doctor.clock import host_skew, judge_skew
from bridge.doctor.finding import HOST_CODE, TOKEN_CODE, Finding, failed, passed, warned
from bridge.supervise.host import HostAt
from host_server.wire.discovery import read_host_record

__all__ = ["AREA", "HostFacts", "ask_host", "judge_host", "our_version", "silent_record"]

AREA = "host"
CALL_S = 3.0
UNAUTHORIZED = (401, 403)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What a host answered. `problem` is why it did not; `status` is that of `/health/ready`."""

    url: str
    problem: str = ""
    status: int = 0
    ready: dict[str, Any] = field(default_factory=dict)
    skew: float | None = None
    took_ms: float = 0.0


def our_version() -> str:
    """The version of what is installed here, as the host tells its own."""
    try:
        return version("lensbridge")
    except PackageNotFoundError:
        return "0"


def silent_record(state_dir: Path) -> tuple[str, int] | None:
    """Address and process of a host that is recorded and runs; asked for when it did not answer."""
    record = read_host_record(state_dir)
    if record is None:
        return None
    try:
        os.kill(record.pid, 0)
    except (OSError, OverflowError):
        return None
    return record.url, record.pid


async def ask_host(at: HostAt) -> HostFacts:
    """One look at its health, with our key."""
    import httpx

    headers = {"authorization": f"Bearer {at.token}"}
    asked, began = time.time(), time.monotonic()
    try:
        elsewhere, tls = not is_loopback(at.url), trusted(at.url)
        async with httpx.AsyncClient(trust_env=elsewhere, timeout=CALL_S, verify=tls) as client:
            answer = await client.get(f"{at.url}/health/ready", headers=headers)
    except httpx.TimeoutException:
        return HostFacts(at.url, problem=f"no answer within {CALL_S:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return HostFacts(at.url, problem=_reason(error))
    took = round(1000 * (time.monotonic() - began), 1)
    try:
        body = answer.json()
    except ValueError:
        body = None
    skew = host_skew(answer.headers.get("date"), asked, time.time())
    return HostFacts(at.url, "", answer.status_code, body if isinstance(body, dict) else {}, skew, took)


def judge_host(facts: HostFacts, *, version: str) -> list[Finding]:
    """All about a host that should answer."""
    if facts.problem:
        hint = "is the address right, and the host up? `bridge serve` starts one by hand"
        return [failed(AREA, "live", f"{facts.url}: {facts.problem}", hint=hint, exit_code=HOST_CODE, url=facts.url)]
    if facts.status in UNAUTHORIZED:
        hint = "give --token-file or BRIDGE_TOKEN; `bridge-host token new NAME` on the host makes a key"
        return [failed(AREA, "token", f"{facts.url} refused the key", hint=hint, exit_code=TOKEN_CODE, url=facts.url)]
    if "ready" not in facts.ready:
        hint = "which program listens there? give the address of a host with --host-url"
        text = f"{facts.url} is no lensbridge host: it answers {facts.status}"
        return [failed(AREA, "live", text, hint=hint, exit_code=HOST_CODE, url=facts.url)]
    text = f"{facts.url} answers in {facts.took_ms:.0f} ms and takes our key"
    return [
        passed(AREA, "live", text, url=facts.url, took_ms=facts.took_ms),
        _readiness(facts),
        _version(str(facts.ready.get("version") or "?"), version),
        *judge_skew(AREA, "host", facts.skew),
    ]


def _readiness(facts: HostFacts) -> Finding:
    reasons = facts.ready.get("reasons")
    told = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
    if facts.ready.get("ready") is True:
        return passed(AREA, "ready", "takes questions", queue=facts.ready.get("queue"), busy=facts.ready.get("busy"))
    return warned(AREA, "ready", f"takes no question now: {told}", hint="wait a moment; its log says more")


def _version(theirs: str, ours: str) -> Finding:
    if theirs == ours:
        return passed(AREA, "version", f"{theirs}, the same as here", host=theirs, here=ours)
    hint = "install the same version on both sides"
    return warned(AREA, "version", f"the host is {theirs}, this is {ours}", hint=hint, host=theirs, here=ours)


def _reason(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.ConnectError):
        return "nobody listens there, or the name is unknown"
    return str(error) or type(error).__name__
