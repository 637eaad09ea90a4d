"""What the host still keeps of pictures that were deleted on this phone, until it has forgotten them too."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import httpx

from bridge.client.http import HostHttp
from bridge.errors import BridgeError, HostUnavailable
from bridge.spool import Spool

__all__ = ["Erasing"]

_DEADLINE_S = 10.0


class Erasing:
    """Addresses to delete at the host. What it never had, or has lost, is as good as deleted.

    They stand in the spool as well, so that a bridge that ends before the host has heard of them tells it at its next
    start.
    """

    def __init__(self, http: HostHttp, spool: Spool, device_id: str) -> None:
        self._http = http
        self._spool = spool
        self._device_id = device_id
        self._left = dict.fromkeys(spool.erasures(device_id))

    def add(self, addresses: Iterable[str]) -> None:
        """The host shall forget what is there."""
        self._left |= dict.fromkeys(addresses)

    async def keep(self) -> None:
        """Let the spool know what is left; a disk that is full does not keep the host from being told."""
        with suppress(BridgeError):
            await asyncio.to_thread(self._spool.owe_erasure, self._device_id, list(self._left))

    async def flush(self) -> bool:
        """Tell the host; says whether it has forgotten everything. A picture it still works on is asked for again."""
        done: list[str] = []
        try:
            for path in list(self._left):
                async with self._http.request("DELETE", path, deadline=_DEADLINE_S) as answer:
                    status = answer.status_code
                if status != httpx.codes.CONFLICT and status < httpx.codes.INTERNAL_SERVER_ERROR:
                    done.append(path)
        except HostUnavailable:
            return False
        finally:
            for path in done:
                self._left.pop(path, None)
            with suppress(BridgeError):
                await asyncio.to_thread(self._spool.erased, self._device_id, done)
        return not self._left
