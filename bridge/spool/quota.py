"""How much the spool may keep, and what goes first when it is too much. Pure: rows in, names out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from bridge.errors import BridgeError

__all__ = ["Kept", "Quota", "SpoolFull", "plan_room"]


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes of pictures kept in all, and seconds for which an answered one is kept."""

    max_bytes: int = 2_000_000_000
    max_age_s: float = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A capture that may be dropped, and its blob."""

    capture_id: str
    sha256: str


class SpoolFull(BridgeError):
    """No room for another picture: the quota is used up by what still waits for an answer, or the disk is full."""

    exit_code: ClassVar[int] = 7


def plan_room(
    droppable: Iterable[Kept], references: dict[str, int], sizes: dict[str, int], excess: int
) -> list[Kept] | None:
    """Choose what to drop, in the order given, until `excess` bytes are free; None when even all of it is not enough.

    `references` counts the captures that share each blob: its bytes are free only when the last of them goes.
    """
    left = dict(references)
    dropped: list[Kept] = []
    for kept in droppable:
        if excess <= 0:
            break
        dropped.append(kept)
        left[kept.sha256] -= 1
        if left[kept.sha256] == 0:
            excess -= sizes[kept.sha256]
    return dropped if excess <= 0 else None
