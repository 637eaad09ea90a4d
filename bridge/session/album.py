"""`Album`: the pictures of one phone that are in the spool, as its page uses them: brought, shown, lent, deleted.

A deleted picture goes everywhere at once: from the spool with its answers, from the session's memory, and from the
host, which is told again until it has forgotten them too, by the next bridge if this one ends. Another phone's picture
of the same bytes stays.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from bridge.client import HostClient
from bridge.errors import HostUnavailable, QuestionRefused, TokenRefused
from bridge.session.erasing import Erasing
from bridge.session.events import Event, PageBrought, PictureDeleted
from bridge.session.recent import Recent
from bridge.session.refusals import wire_error
from bridge.spool import Capture, Spool, answers_at_host
from host_server.wire.errors import WireError

__all__ = ["Album"]

_ENDINGS = {"image/jpeg": "jpg", "image/png": "png"}
_REMEMBERED = 256
_ERASE_AFTER_S = (0.0, 0.5, 2.0, 8.0)


class Album:
    """`feed` takes what happens to the session's core."""

    def __init__(self, spool: Spool, client: HostClient, device_id: str, *, feed: Callable[[Event], None]) -> None:
        self._spool = spool
        self._client = client
        self._device_id = device_id
        self._feed = feed
        self._erasing = Erasing(client.http, spool, device_id)
        self.asked: Recent[str, frozenset[str]] = Recent(_REMEMBERED)
        """Answers that the page asked for over plain HTTP, past the session, and the pictures each is about."""

    def find(self, sha256: str) -> tuple[Path, str] | None:
        """File and media type of a picture this phone took, if it is kept."""
        capture = self._spool.find(self._device_id, sha256)
        path = self._spool.blob_path(sha256)
        return (path, capture.media_type) if capture is not None and path.is_file() else None

    def incoming(self) -> Path:
        """A file of the spool to write a picture to, before `bring`."""
        return self._spool.incoming()

    async def bring(self, temp: Path, *, sha256: str, size: int, media_type: str) -> Capture:
        """The page brought a picture, now durable in this file: journal it. The page asks about it itself."""
        capture = await asyncio.to_thread(self._keep, temp, sha256, size, media_type)
        self._feed(PageBrought(capture))
        return capture

    async def lend(self, sha256: str) -> None:
        """Let the host have a picture of this phone, if it has not. Raises `WireError`."""
        own = self.find(sha256)
        if own is None:
            raise WireError("capture_not_found", "This phone took no such picture.", param="input")
        try:
            await self._client.upload(sha256, own[0])
        except QuestionRefused as refused:
            raise wire_error(refused) from refused
        except (HostUnavailable, TokenRefused) as away:
            raise WireError("engine_unavailable", away.message, retry_after_ms=1000) from away

    async def delete(self, sha256: str) -> bool | None:
        """Forget a picture of this phone and what was answered about it, here and at the host.

        None when there is no such picture; otherwise whether the host has forgotten it too. If not, `erase` it later.
        """
        gone = await asyncio.to_thread(self._spool.forget, self._device_id, sha256)
        if not gone.captures:
            return None
        beside = [name for name, pictures in self.asked.items() if sha256 in pictures]
        for name in beside:
            self.asked.drop(name)
        self._erasing.add([*answers_at_host(beside), *gone.at_host(sha256)])
        self._feed(PictureDeleted(sha256, gone.captures))
        await self._erasing.keep()
        return await self._erasing.flush()

    def forget(self, response_ids: tuple[str, ...]) -> None:
        """The host shall forget these answers too; `erase` tells it."""
        self._erasing.add(answers_at_host(response_ids))

    async def erase(self) -> None:
        """Tell the host what to forget until it has, or went away: then this is called again when one comes."""
        await self._erasing.keep()
        for wait in _ERASE_AFTER_S:
            await asyncio.sleep(wait)
            if await self._erasing.flush():
                return

    def _keep(self, temp: Path, sha256: str, size: int, media_type: str) -> Capture:
        """An event of its own, unless nobody has asked about the same yet: the page sends again what may not have come.

        Nobody is owed an answer but the page, which asks and would ask again. Waits for the disk.
        """
        before = self._spool.find(self._device_id, sha256)
        if before is not None and before.source == "page" and not self._spool.answers(before.capture_id):
            temp.unlink(missing_ok=True)
            return before
        now = time.time()
        return self._spool.commit(
            temp,
            device_id=self._device_id,
            sha256=sha256,
            size=size,
            source="page",
            name=f"page-{sha256[:8]}.{_ENDINGS[media_type]}",
            mtime=int(now),
            media_type=media_type,
            taken_at=now,
            owed=False,
        )
