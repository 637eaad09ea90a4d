"""The phones adb lists: which are meant, and the state of each in words."""

import fnmatch
from collections.abc import Sequence

from bridge.adb.devices import DeviceLine
from bridge.doctor.finding import NO_PHONE_CODE, PHONE_CODE, Finding, failed, passed, warned

__all__ = ["AREA", "area_of", "chosen", "judge_choice", "judge_state"]

AREA = "phones"
UDEV = "no permissions"


def area_of(line: DeviceLine) -> str:
    """The heading under which everything about this phone stands."""
    return f"phone {line.serial}"


def chosen(lines: Sequence[DeviceLine], patterns: Sequence[str]) -> list[DeviceLine]:
    """Those that are meant: all of them, or those that a serial, its beginning or a glob names."""
    if not patterns:
        return list(lines)
    return [line for line in lines if any(_meant(line.serial, pattern) for pattern in patterns)]


def judge_choice(lines: Sequence[DeviceLine], patterns: Sequence[str]) -> list[Finding]:
    """Whether there is anything to look at. Asked for by name and not there is a failure, no phone at all a warning."""
    missing = [pattern for pattern in patterns if not any(_meant(line.serial, pattern) for line in lines)]
    hint = "plug it in with USB debugging on; over the network: `adb connect HOST:PORT`"
    found = [failed(AREA, "listed", f"adb lists no {name}", hint=hint, exit_code=NO_PHONE_CODE) for name in missing]
    if not lines and not patterns:
        found.append(warned(AREA, "listed", "adb lists no phone", hint=f"{hint}; no phone at all: `bridge demo`"))
    return found


def judge_state(line: DeviceLine) -> Finding:
    """Whether adb can talk to it."""
    area, name = area_of(line), line.model.replace("_", " ")
    facts = {"serial": line.serial, "state": line.state, "model": name}
    if line.ready:
        way = "network" if line.over_network else "USB"
        return passed(area, "state", f"{name or 'a phone'}, by {way}, ready", **facts)
    hint = line.hint
    if line.state.startswith(UDEV):
        hint += "; then `sudo udevadm control --reload`, and see `id`: the group plugdev is needed"
    return failed(area, "state", line.state.partition(" (")[0], hint=hint, exit_code=PHONE_CODE, **facts)


def _meant(serial: str, pattern: str) -> bool:
    return serial == pattern or serial.startswith(pattern) or fnmatch.fnmatchcase(serial, pattern)
