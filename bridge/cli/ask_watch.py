"""`bridge ask --watch`: a question about each new picture, one after the other, until Ctrl-C."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.cli.output import Output
from bridge.cli.pictures import Choice, Phone, Wanted, opened_phone, opened_spool
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.captures.notices import FolderNotice
    from bridge.cli.asking import Asking
    from bridge.config import Settings
    from bridge.phone.named import Asked
    from bridge.spool import Capture, Spool

__all__ = ["Pace", "watch_and_ask"]

AWAY_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """A picture every so many seconds, each answered within so many."""

    every: float
    answer_within: float
    on_change: bool


async def watch_and_ask(
    settings: "Settings", asked: "Asked", meant: Wanted, choice: Choice | None, output: Output, pace: Pace
) -> None:
    """Go on until cancelled. A phone that cannot be used at the start is an error; one that goes away is waited for.

    Raises TimeoutError for an answer that does not end in time.

    A picture is kept only until it is answered, so that a watch of days fills no disk.
    """
    import asyncio

    from bridge.cli.asking import asking

    async with opened_spool(settings) as spool:
        async with opened_phone(settings, choice) as phone:
            same = Choice((phone.serial,)) if choice else None
        async with asking(settings, asked, spool, phone, output) as asker:
            watch = _Watch(settings, meant, pace, spool, phone, asker)
            while True:
                try:
                    async with opened_phone(settings, same) as present:
                        await watch.while_there(present)
                except BridgeError as error:
                    watch.tell(error)
                    await asyncio.sleep(AWAY_LOOK_S)


class _Watch:
    """What is the same before and after the phone was away."""

    def __init__(
        self, settings: "Settings", meant: Wanted, pace: Pace, spool: "Spool", phone: Phone, asker: "Asking"
    ) -> None:
        self._settings, self._meant, self._pace = settings, meant, pace
        self._spool, self._phone, self._asker = spool, phone, asker
        self._told = ""

    async def while_there(self, phone: Phone) -> None:
        """Ask about one picture after the other. Raises `DeviceLost` when the phone goes."""
        import contextlib

        from bridge.captures.repeating import Repeating

        way = self._meant.way(self._settings, self._spool, phone)
        source = Repeating(way, every=self._pace.every, on_change=self._pace.on_change, on_notice=self._notice)
        async with contextlib.aclosing(source.captures()) as captures:
            async for capture in captures:
                self._told = ""
                await self._ask(capture)

    def tell(self, error: BridgeError) -> None:
        """Something goes wrong for now: said once."""
        if error.message == self._told:
            return
        from bridge.captures.notices import Trouble

        self._told = error.message
        self._notice(Trouble(error.message, error.hint))

    async def _ask(self, capture: "Capture") -> None:
        import asyncio

        try:
            async with asyncio.timeout(self._pace.answer_within):
                problem = await self._asker.about(capture)
        finally:
            self._spool.delete(capture.capture_id)
        if problem is not None:
            self._asker.tell(problem)

    def _notice(self, notice: "FolderNotice") -> None:
        from bridge.session.events import PhoneInfo
        from bridge.supervise.notices import notice_event

        if event := notice_event(PhoneInfo(self._phone.serial, self._phone.device_id, ""), notice):
            self._asker.show(event)
