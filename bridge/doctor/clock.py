"""Clocks: the phone's decides which photos are new, the host's is in every record; both are held against our own."""

import time
from email.utils import parsedate_to_datetime

from bridge.adb.transport import Transport
from bridge.doctor.finding import Finding, passed, warned

__all__ = ["ask_phone", "host_skew", "judge_skew"]

CALL_S = 4.0
ALLOWED_S = 30.0


async def ask_phone(transport: Transport) -> float | None:
    """Seconds by which the phone is ahead of this laptop; None when it does not say."""
    asked = time.time()
    told = (await transport.shell(["date", "+%s"], deadline=CALL_S)).stdout.strip()
    if not told.isdigit():
        return None
    return int(told) + 0.5 - (asked + time.time()) / 2


def host_skew(date: str | None, asked: float, answered: float) -> float | None:
    """The same for a host, from the `Date` of its answer."""
    try:
        told = parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError):
        return None
    return told + 0.5 - (asked + answered) / 2


def judge_skew(area: str, whose: str, skew: float | None) -> list[Finding]:
    """Half a minute is nothing to worry about."""
    if skew is None:
        return [passed(area, "clock", f"the {whose} does not say what time it is")]
    if abs(skew) <= ALLOWED_S:
        return [passed(area, "clock", f"the {whose}'s clock is right", skew_s=round(skew, 1))]
    way = "ahead of" if skew > 0 else "behind"
    hint = f"let the {whose} set its date and time by itself"
    return [
        warned(
            area,
            "clock",
            f"the {whose}'s clock is {_long(abs(skew))} {way} this laptop's",
            hint=hint,
            skew_s=round(skew, 1),
        )
    ]


def _long(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
