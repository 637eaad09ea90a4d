"""`bridge status`: which phones are held and how they are, and where the host is."""

from typing import TYPE_CHECKING, Any

from bridge.cli.options import Json, StateDir
from bridge.cli.output import Output

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["status"]

CALL_DEADLINE_S = 3.0


def status(*, json: Json = False, state_dir: StateDir = None) -> None:
    """Show the connected phones and the host."""
    from bridge.config import load
    from bridge.supervise.lease import holders
    from bridge.supervise.survey import held_phone

    output = Output(as_json=json)
    folder = load(state_dir=state_dir).state_dir
    phones = [held_phone(info) for info in holders(folder)]
    host = _host(folder)
    if json:
        output.json({"phones": phones, "host": host})
        return
    if phones:
        rows = [
            (p["serial"], p["state"], str(p["pages"]), f"`bridge {p['purpose']}`, process {p['pid']}") for p in phones
        ]
        output.table(("PHONE", "STATE", "PAGES", "HELD BY"), rows)
    else:
        output.say("no phone is connected", detail="`bridge connect` holds one")
    if host is None:
        output.say("no host runs", detail="`bridge connect` and `bridge ask` start one when they need it")
    else:
        state = "answers" if host["live"] else "silent"
        output.table(
            ("HOST", "STATE", "ENGINES", "PROCESS"),
            [(host["url"], state, ", ".join(host["engines"]), str(host["pid"]))],
        )


def _host(folder: "Path") -> dict[str, Any] | None:
    import httpx

    from host_server.wire.discovery import read_host_record

    record = read_host_record(folder)
    if record is None:
        return None
    try:
        live = httpx.get(f"{record.url}/health/live", timeout=CALL_DEADLINE_S, trust_env=False).is_success
    except httpx.HTTPError:
        live = False
    return {
        "url": record.url,
        "pid": record.pid,
        "version": record.version,
        "engines": list(record.engines),
        "live": live,
    }
