"""What the host still keeps of pictures that were deleted on this phone, until it has forgotten them too."""

import httpx

from bridge.client.http import HostHttp
from bridge.errors import HostUnavailable

__all__ = ["Erasing"]

_DEADLINE_S = 10.0


class Erasing:
    """Addresses to delete at the host. What it never had, or has lost, is as good as deleted."""

    def __init__(self, http: HostHttp) -> None:
        self._http = http
        self._left: dict[str, None] = {}

    def add(self, *, answers: tuple[str, ...] = (), picture: str | None = None) -> None:
        """The host shall forget these answers, and this picture."""
        self._left |= {f"/v1/responses/{name}": None for name in answers}
        if picture is not None:
            self._left[f"/v1/captures/{picture}"] = None

    async def flush(self) -> bool:
        """Tell the host; says whether it has forgotten everything. A picture it still works on is asked for again."""
        for path in list(self._left):
            try:
                async with self._http.request("DELETE", path, deadline=_DEADLINE_S) as answer:
                    status = answer.status_code
            except HostUnavailable:
                return False
            if status != httpx.codes.CONFLICT and status < httpx.codes.INTERNAL_SERVER_ERROR:
                self._left.pop(path, None)
        return not self._left
