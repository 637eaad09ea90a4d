"""The phones that a running `connect` holds: what that says about itself, a page that never said hello included."""

from collections.abc import Mapping
from typing import Any

from bridge.doctor.finding import PHONE_CODE, Finding, failed, passed, warned

__all__ = ["judge_connection"]


def judge_connection(area: str, held: Mapping[str, Any]) -> Finding:
    """One line about the process that has this phone. `held` is what its front told, or that it told nothing."""
    who = f"`bridge {held['purpose']}`, process {held['pid']}"
    state, pages = str(held.get("state", "")), held.get("pages", 0)
    facts = {"pid": held["pid"], "state": state, "pages": pages}
    if state == "silent":
        hint = f"end it with `kill {held['pid']}` and connect again"
        return failed(area, "connection", f"{who} does not answer", hint=hint, exit_code=PHONE_CODE, **facts)
    detail = str(held.get("detail") or state)
    if hint := str(held.get("hint") or ""):  # a phone that needs a hand, also for its page
        return warned(area, "connection", f"held by {who}: {detail}", hint=hint, **facts)
    page = "the page is linked" if pages else "no page is open"
    return passed(area, "connection", f"held by {who}: {detail}, {page}", **facts)
