"""How the phones are that other commands of this user hold: asked from their fronts, for `status` and `doctor`."""

from typing import Any

from bridge.supervise.lease import LeaseInfo

__all__ = ["held_phone"]

CALL_DEADLINE_S = 3.0


def held_phone(info: LeaseInfo) -> dict[str, Any]:
    """What the front of this phone says, `silent` when it says nothing. Blocks for at most some seconds."""
    import httpx

    known: dict[str, Any] = {
        "serial": info.serial,
        "pid": info.pid,
        "purpose": info.purpose,
        "state": "starting",
        "pages": 0,
    }
    if not info.front_url:
        return known
    try:
        with httpx.Client(trust_env=False, timeout=CALL_DEADLINE_S) as client:
            reply = client.get(f"{info.front_url}/status", headers={"authorization": f"Bearer {info.control_token}"})
            reply.raise_for_status()
            now: dict[str, Any] = reply.json()
            return known | now
    except (httpx.HTTPError, ValueError) as error:
        return known | {"state": "silent", "problem": type(error).__name__}
