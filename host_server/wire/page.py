"""One page of a list, in the shape and by the cursors that OpenAI's clients page with."""

from collections.abc import Sequence
from typing import Literal

from host_server.wire.errors import WireError
from host_server.wire.response import Json

__all__ = ["MAX_PAGE", "page"]

MAX_PAGE = 100


def page(items: Sequence[Json], *, limit: int, order: Literal["asc", "desc"], after: str | None) -> Json:
    """The items that follow `after` in this order. Raises `WireError` when there is no such item."""
    ordered = list(items) if order == "asc" else list(reversed(items))
    if after is not None:
        names = [item["id"] for item in ordered]
        if after not in names:
            raise WireError("invalid_request", "There is no item of this name.", param="after")
        ordered = ordered[names.index(after) + 1 :]
    data = ordered[:limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(ordered) > limit,
    }
