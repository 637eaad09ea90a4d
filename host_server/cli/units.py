"""Sizes and times as people write them: `2GiB`, `500MB`, `15m`."""

import re
from typing import Final

import typer

__all__ = ["duration", "show_size", "size"]

_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZES: Final = {
    **{letter + ending: 1024**power for letter, power in _POWERS.items() for ending in ("", "ib")},
    **{letter + "b": 1000**power for letter, power in _POWERS.items()},
}
_TIMES: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_WRITTEN: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]{0,3})")


def size(text: str) -> int:
    """Bytes: `2GiB`, `2G` and `2048m` are the same, `2GB` is a little less. Raises `typer.BadParameter`."""
    number, unit = _parts(text)
    if unit not in _SIZES or int(number * _SIZES[unit]) < 1:
        raise typer.BadParameter(f"{text!r} is no size; write for example 2GiB or 500MB.")
    return int(number * _SIZES[unit])


def duration(text: str) -> float:
    """Seconds: `90`, `90s`, `15m`, `1.5h`. Raises `typer.BadParameter`."""
    number, unit = _parts(text)
    if unit not in _TIMES or number <= 0:
        raise typer.BadParameter(f"{text!r} is no time; write for example 90s, 15m or 1h.")
    return number * _TIMES[unit]


def show_size(count: float) -> str:
    """Bytes for people, to three digits: `20.6 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # ruff: ignore[magic-value-comparison] what the prefixes mean
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _parts(text: str) -> tuple[float, str]:
    found = _WRITTEN.fullmatch(text.strip().lower())
    return (float(found[1]), found[2]) if found else (0.0, "?")
