"""One phone's camera folders over all its transports: what was said about them holds through replugs.

Somebody may pause the watch, and say that what was held back is to be sent: on the page, or in the terminal. The folder
that is watched at the moment hears of it, and so does the next one.
"""

from collections.abc import Callable
from typing import Any

from bridge.adb.transport import Transport
from bridge.captures import CaptureSource
from bridge.captures.folder import CameraFolder
from bridge.captures.notices import FolderNotice, Held
from bridge.session import Session
from bridge.spool import Spool
from bridge.supervise.notices import notice_event

__all__ = ["FolderWatch"]


class FolderWatch:
    """Makes the source of each transport. `fresh` and `catch_up` are meant for the first."""

    def __init__(
        self,
        session: Session,
        spool: Spool,
        *,
        folders: tuple[str, ...],
        fresh: bool,
        catch_up: bool,
        on_event: Callable[[dict[str, Any]], None],
    ) -> None:
        self._session = session
        self._spool = spool
        self._folders = folders
        self._fresh = fresh
        self._catch_up = catch_up
        self._on_event = on_event
        self._now: CameraFolder | None = None
        session.on_pause = self._pause
        session.on_send_held = self._send_held

    def source(self, transport: Transport) -> CaptureSource:
        """The folders of the phone over this transport."""
        self._now = folder = CameraFolder(
            transport,
            self._spool,
            device_id=self._session.phone.device_id,
            folders=self._folders,
            fresh=self._fresh,
            paused=self._session.paused,
            on_notice=self._notice,
        )
        self._fresh = False  # after a replug what was taken meanwhile is meant to be sent
        if self._catch_up:
            self._catch_up = False  # what a later absence brings is another question
            folder.catch_up()
        return folder

    def _notice(self, told: FolderNotice) -> None:
        if isinstance(told, Held):
            self._session.held(told.count)
        if event := notice_event(self._session.phone, told):
            self._on_event(event)

    def _pause(self, paused: bool) -> None:  # ruff: ignore[boolean-type-hint-positional-argument] - a listener
        if self._now is not None:
            (self._now.pause if paused else self._now.resume)()

    def _send_held(self) -> None:
        if self._now is not None:
            self._now.catch_up()
