"""Room for pictures: on the phone, and in the spool of this laptop."""

import shutil
from pathlib import Path

from bridge.doctor.finding import Finding, failed, passed, warned

__all__ = ["free_bytes", "judge_laptop", "judge_phone", "shown_size"]

PHONE_LOW = 200_000_000
LAPTOP_LOW, LAPTOP_FULL = 1_000_000_000, 50_000_000


def free_bytes(folder: Path) -> int:
    """What is left where this folder is, or will be."""
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(existing).free


def judge_phone(area: str, free: int | None) -> Finding:
    """A full phone takes no photos, and some camera apps do not say so."""
    if free is None:
        return passed(area, "storage", "the phone does not say how much room it has")
    if free < PHONE_LOW:
        hint = "delete something on the phone: with little room its camera takes no photos"
        return warned(area, "storage", f"only {shown_size(free)} free on the phone", hint=hint, free=free)
    return passed(area, "storage", f"{shown_size(free)} free on the phone", free=free)


def judge_laptop(area: str, folder: Path, free: int) -> Finding:
    """A picture is only taken from a phone when it is safe here."""
    text = f"{shown_size(free)} free for pictures ({folder})"
    if free < LAPTOP_FULL:
        hint = "make room, or name another folder with --state-dir: no picture can be taken in"
        return failed(area, "storage", f"only {text}", hint=hint, free=free)
    if free < LAPTOP_LOW:
        return warned(
            area, "storage", f"only {text}", hint="make room, or name another folder with --state-dir", free=free
        )
    return passed(area, "storage", text, free=free)


def shown_size(count: int) -> str:
    """A size for people, to a tenth: `20.6 GB`."""
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count // 1000} kB"
