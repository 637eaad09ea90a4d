"""What every benchmark needs: medians, percentiles and the row they all print."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

__all__ = ["beyond", "median", "percentile", "row"]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def row(
    name: str,
    value: float,
    unit: str,
    *,
    budget: str,
    met: bool | None,
    peer: str = "",
    peer_value: float | None = None,
    ratio: float | None = None,
) -> dict[str, Any]:
    """One line of `bench.json`; `met` is None where the budget needs another machine."""
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "peer": peer,
        "peer_value": None if peer_value is None else round(peer_value, 4),
        "ratio": None if ratio is None else round(ratio, 4),
        "budget": budget,
        "met": met,
    }


def beyond(name: str, ours: Sequence[float], control: Sequence[float], *, limit: float) -> dict[str, Any]:
    """A row in milliseconds whose budget is for what is beyond a control: a value a round, each beside its pair."""
    mine, peer = median(ours), median(control)
    more = median([one - other for one, other in zip(ours, control, strict=True)])
    return row(
        name,
        mine,
        "ms",
        peer="bare websockets",
        peer_value=peer,
        ratio=mine / peer,
        budget=f"<= {limit:g} ms beyond it",
        met=more <= limit,
    )
