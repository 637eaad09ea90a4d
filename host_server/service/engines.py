"""The engines of this host by name: the first is the default; each is loaded in the background and watched.

```
 loading ─► ready ─► (its process died) restarting ─► ready      questions wait
   └─► failed: refused, tried again ◄── three deaths in a row       questions are refused
```
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Literal

from host_server.core.restarts import Restarts
from host_server.engines.base import Engine, EngineError, EngineRestartedError, RestartableEngine
from host_server.observe.log import get_logger
from host_server.wire.errors import WireError

__all__ = ["EngineRoom", "EngineState"]

EngineState = Literal["loading", "ready", "restarting", "failed"]

_WORTH_SAYING_S = 0.5
_CLOSE_S = 3.0
_BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)


class EngineRoom:
    """Owns the engines from `load` to `close`."""

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        backoff_s: Sequence[float] = _BACKOFF_S,
        restarts: Callable[[], Restarts] = Restarts,
    ) -> None:
        if not engines:
            raise ValueError("a host without an engine answers nothing")
        self._engines = {engine.info.name: engine for engine in engines}
        self.states: dict[str, EngineState] = dict.fromkeys(self._engines, "loading")
        self._backoff_s = backoff_s
        self._restarts = restarts
        self._changed = asyncio.Event()
        self.default = engines[0].info.name
        self._log = get_logger("host_server.engines")

    @property
    def engines(self) -> tuple[Engine, ...]:
        """All of them, the default one first."""
        return tuple(self._engines.values())

    @property
    def names(self) -> tuple[str, ...]:
        """What a question may ask for as its `model`."""
        return tuple(self._engines)

    def pick(self, name: str | None) -> Engine:
        """The engine a question asks for. Raises `WireError`."""
        engine = self._engines.get(name or self.default)
        if engine is None:
            known = ", ".join(self._engines)
            raise WireError("model_not_found", f"No such model here; there is: {known}.", param="model")
        self._check(engine.info.name)
        return engine

    async def ready(self, name: str) -> None:
        """Wait until this engine is ready. Raises `WireError` when it is not going to be for a while."""
        while self.states[name] != "ready":
            self._check(name)
            await self._changed.wait()

    async def keep(self) -> None:
        """Warm every engine up, again and again until it works, and whenever it was lost."""
        async with asyncio.TaskGroup() as group:
            for engine in self._engines.values():
                group.create_task(self._keep(engine))

    async def close(self) -> None:
        """End every engine; one that fails to end does not keep the others."""
        async with asyncio.TaskGroup() as group:
            for engine in self._engines.values():
                group.create_task(self._close(engine))

    async def _close(self, engine: Engine) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                await engine.close()
        except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code
            self._log.exception("engine did not close", engine=engine.info.name)

    def _check(self, name: str) -> None:
        if self.states[name] == "failed":
            message = "The model is not to be had at the moment; trying again."
            raise WireError("engine_unavailable", message, retry_after_ms=5000)

    def _become(self, name: str, state: EngineState) -> None:
        self.states[name] = state
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _keep(self, engine: Engine) -> None:
        name = engine.info.name
        restarts = self._restarts()
        while True:
            lived_s = 0.0  # one that dies while it loads has not lived
            if await self._warm(engine):
                if not isinstance(engine, RestartableEngine):
                    return
                began = time.monotonic()
                await engine.lost()
                lived_s = time.monotonic() - began
            pause = restarts.died(lived_s=lived_s)
            self._become(name, "failed" if pause.resting else "restarting")
            self._log.error("engine died", engine=name, next_start_s=pause.seconds, resting=pause.resting)
            await asyncio.sleep(pause.seconds)

    async def _warm(self, engine: Engine) -> bool:
        """Load it, however many tries that takes; false when its process died meanwhile."""
        name = engine.info.name
        tries = 0
        began = time.monotonic()
        while True:
            try:
                await engine.warm_up()
            except EngineRestartedError:
                return False
            except EngineError as error:
                self._log.warning("engine cannot be loaded", engine=name, reason=error.message, hint=error.hint)
            except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code
                self._log.exception("engine cannot be loaded", engine=name)
            else:
                self._become(name, "ready")
                took = time.monotonic() - began
                if took > _WORTH_SAYING_S:
                    self._log.info("engine ready", engine=name, model=engine.info.model, took_s=round(took, 1))
                return True
            self._become(name, "failed")
            await asyncio.sleep(self._backoff_s[min(tries, len(self._backoff_s) - 1)])
            tries += 1
