"""One host and one session, for one question after the other about the pictures of one phone."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from bridge.cli.output import Output
from bridge.errors import BridgeError
from bridge.phone.named import Asked
from bridge.phone.problems import problem_of

if TYPE_CHECKING:
    from bridge.cli.pictures import Phone
    from bridge.config import Settings
    from bridge.session import Session
    from bridge.spool import Capture, Spool

__all__ = ["Asking", "asking"]


class Asking:
    """Use `asking`."""

    def __init__(self, output: Output, asked: Asked) -> None:
        from bridge.cli.watching import Watching

        self.session: Session
        self._output = output
        self._asked = asked
        self._watching = Watching(output)
        self._ended: asyncio.Future[dict[str, Any]] | None = None

    async def about(self, capture: "Capture") -> BridgeError | None:
        """Ask about it and show the answer as it comes; what a bad end means, told or raised by the caller."""
        self._ended = asyncio.get_running_loop().create_future()
        self.session.submit(capture, prompt=self._asked.text)
        end = await self._ended
        self._output.end_stream()
        return problem_of(end) or self._asked.cut_short(end)

    def hear(self, event: dict[str, Any]) -> None:
        """For the session."""
        again = event["event"] == "error" and not event.get("final")  # this try failed, another follows
        if again or (event["event"] != "error" and (self._output.as_json or problem_of(event) is None)):
            self.show(event)  # any other problem is told by whoever asked, with its hint
        if (event["event"] == "answer" or event.get("final")) and self._ended is not None and not self._ended.done():
            self._ended.set_result(event)

    def show(self, event: dict[str, Any]) -> None:
        """Show something that happened beside the answers."""
        self._watching.show(event)

    def tell(self, problem: BridgeError) -> None:
        """Say in words what became of a question that is not the last; JSON Lines have said it."""
        if not self._output.as_json:
            self._output.entry("problem", problem.message, detail=problem.hint)


@contextlib.asynccontextmanager
async def asking(
    settings: "Settings", asked: Asked, spool: "Spool", phone: "Phone", output: Output
) -> AsyncGenerator[Asking]:
    """Find the host, and keep the connection while the block runs."""
    from bridge.client import HostClient
    from bridge.session import Session
    from bridge.session.events import PhoneInfo
    from bridge.supervise.finder import finder_of

    finder = finder_of(settings)
    await finder.locate()
    async with HostClient(finder) as client:
        await client.connected()  # a host that is silent or refuses our key is said now: the session would wait for it
        asker = Asking(output, asked)
        info = PhoneInfo(phone.serial, phone.device_id, "")
        asker.session = Session(
            info,
            spool,
            client,
            prompt=asked.text,
            options=asked.options,
            model=settings.model,
            on_event=asker.hear,
            backlog=False,
        )
        async with asyncio.TaskGroup() as group:
            work = group.create_task(asker.session.run())
            try:
                yield asker
            finally:
                work.cancel()
