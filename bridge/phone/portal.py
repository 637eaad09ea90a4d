"""An event loop in a thread of its own, so that plain code can use what is asynchronous: the door of the sync face."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Generic, TypeVar, cast

from bridge.errors import UsageError

__all__ = ["Portal"]

ThingT = TypeVar("ThingT")
ResultT = TypeVar("ResultT")


class Portal(Generic[ThingT]):
    """Keeps one async context open in a thread. `open`, then `call` from anywhere, then `close`.

    The context is entered and left by one task, as task groups ask for. Whatever interrupts a waiting `call`, Ctrl-C
    too, cancels what it waits for. The thread is a daemon: a program that never closes the portal can still end.
    """

    def __init__(self, context: AbstractAsyncContextManager[ThingT]) -> None:
        self._context = context
        self._opened: Future[ThingT] = Future()
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = Future()
        self._thread = threading.Thread(target=self._run, name="lensbridge", daemon=True)
        self._over: Future[None] = Future()
        self._failure: BaseException | None = None

    def open(self) -> ThingT:
        """Enter the context; raises what entering it raises."""
        self._thread.start()
        try:
            return self._opened.result()
        except BaseException:
            self.close()
            raise

    def call(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run this in the loop and wait for its result."""
        if not self._thread.is_alive():
            work.close()
            raise _closed()
        loop, _ = self._ready.result()
        waiting = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            wait(cast("set[Future[Any]]", {waiting, self._over}), return_when=FIRST_COMPLETED)
        except BaseException:
            waiting.cancel()
            raise
        if not waiting.done() or waiting.cancelled():
            raise _closed()
        return waiting.result()

    def close(self) -> None:
        """Leave the context and end the thread; raises what leaving it raises. Safe to call twice."""
        if self._thread.is_alive():
            loop, life = self._ready.result()
            with suppress(RuntimeError):  # it ended by itself a moment ago
                loop.call_soon_threadsafe(life.cancel)
        if self._thread.ident is not None:
            self._thread.join()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(self._live())
        finally:
            self._over.set_result(None)

    async def _live(self) -> None:
        life = asyncio.current_task()
        assert life is not None  # ruff: ignore[assert] - this is a coroutine
        self._ready.set_result((asyncio.get_running_loop(), life))
        try:
            async with self._context as thing:
                self._opened.set_result(thing)
                await asyncio.get_running_loop().create_future()  # until `close` cancels it
        except asyncio.CancelledError:
            if not self._opened.done():
                self._opened.cancel()
            raise
        except BaseException as failure:  # ruff: ignore[blind-except] - it is raised in the thread that waits
            if self._opened.done():
                self._failure = failure
            else:
                self._opened.set_exception(failure)


def _closed() -> UsageError:
    return UsageError("this phone is closed", hint="use it inside its `with` block")
