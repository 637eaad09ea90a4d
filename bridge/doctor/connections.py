"""The phones that a running `connect` holds: does its page answer, and what does it say about itself?"""

from collections.abc import Mapping
from typing import Any

from bridge.doctor.finding import PHONE_CODE, Finding, failed, passed, warned

__all__ = ["NO_HELLO", "judge_connection"]

NO_HELLO = (
    "on the phone: unlock it, finish the browser's welcome screens, allow the camera; then `bridge disconnect` and "
    "`bridge connect` for a fresh link"
)


def judge_connection(area: str, held: Mapping[str, Any]) -> Finding:
    """One line about the process that has this phone. `held` is what its front told, or that it told nothing."""
    who = f"`bridge {held['purpose']}`, process {held['pid']}"
    state = str(held.get("state", ""))
    facts = {"pid": held["pid"], "state": state, "pages": held.get("pages", 0)}
    if state == "silent":
        hint = f"end it with `kill {held['pid']}` and connect again"
        return failed(area, "connection", f"{who} does not answer", hint=hint, exit_code=PHONE_CODE, **facts)
    if state != "up":
        detail = str(held.get("detail") or state)
        if hint := str(held.get("hint") or ""):
            return warned(area, "connection", f"held by {who}: {detail}", hint=hint, **facts)
        return passed(area, "connection", f"held by {who}: {detail}", **facts)
    if not held.get("pages"):
        return warned(area, "connection", f"held by {who}, but no page said hello", hint=NO_HELLO, **facts)
    return passed(area, "connection", f"held by {who}, the page is linked", **facts)
