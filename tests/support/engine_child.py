"""The process of an engine that misbehaves on demand: `python engine_child.py [HABIT]`, with a question as the order.

`die` ends the process in mid-answer, `stall` never gets on, `freeze` blocks everything, `fail` and `break` raise,
`full` and `exhausted` find no memory, `lose` loses the model, `grow` holds more for ever, `read` says nothing and gets
on, `print` writes where only frames belong; any other text is said back. HABIT is a number of words a second, a path
that must exist before it is loaded, or one of the words below.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from host_server.engines.base import EngineError, EngineOutOfMemoryError, Piece, PreparedQuestion
from host_server.engines.echo import EchoEngine
from host_server.engines.process.child import run

RAISES = {
    "fail": EngineError("The picture is upside down.", hint="Turn it."),
    "break": ZeroDivisionError("at /home/somebody/secret.py"),
    "full": EngineOutOfMemoryError("There was no room for this picture."),
    "exhausted": MemoryError(),
}


class Puppet(EchoEngine):
    def __init__(self, habit: str) -> None:
        super().__init__(float(habit) if habit.isdigit() else 0.0)
        self._habit = habit
        self._lost = asyncio.Event()
        self._held: list[bytes] = []
        self._steps = 0
        self._reading = False

    def device_bytes(self) -> int:
        return sum(map(len, self._held))

    def steps(self) -> int:
        self._steps += self._reading
        return self._steps

    async def lost(self) -> None:
        await self._lost.wait()

    async def warm_up(self) -> None:
        await super().warm_up()
        if self._habit == "die":
            os._exit(3)
        if self._habit == "refuse":
            raise EngineError("There is no model file.", hint="Put one there.")
        if self._habit == "sleep":
            await asyncio.Event().wait()
        while self._habit.startswith("/") and not Path(self._habit).exists():  # ruff: ignore[async-busy-wait] a file tells nobody
            await asyncio.sleep(0.01)

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        order = question.text
        if order in RAISES or order in {"die", "stall", "freeze", "print", "lose"}:
            yield Piece("well, ")
        if order in RAISES:
            raise RAISES[order]
        match order:
            case "die":
                os._exit(3)
            case "stall":
                await asyncio.Event().wait()
            case "freeze":
                time.sleep(60)  # ruff: ignore[blocking-sleep-in-async-function] that is the point
            case "lose":
                self._lost.set()
                await asyncio.Event().wait()
            case "read":
                self._reading = True
                await asyncio.Event().wait()
            case "grow":
                self._held.append(bytes(50_000_000))
                yield Piece("larger")
            case "print":
                print("what a library says", flush=True)  # ruff: ignore[print] ditto
                os.write(1, b"\xff" * 100)
                yield Piece("printed")
            case "nice":
                yield Piece(str(os.getpriority(os.PRIO_PROCESS, 0)))
            case _:
                async for piece in super().answer(question):
                    yield piece


if __name__ == "__main__":
    habit = sys.argv[1] if len(sys.argv) > 1 else ""
    if habit == "garbage":
        os.write(1, b"\xff" * 100)
        time.sleep(60)
    elif habit == "stranger":
        os.write(1, b"\0\0\0\x10\0\0\0\0" + b'{"type":"howdy"}')
        time.sleep(60)
    else:
        run(lambda: Puppet(habit))
