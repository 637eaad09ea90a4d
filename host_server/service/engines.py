"""The engines of this host by name: the first is the default; each is loaded in the background and watched."""

import asyncio
import time
from collections.abc import Sequence
from typing import Literal

from host_server.engines.base import Engine, EngineError
from host_server.observe.log import get_logger
from host_server.wire.errors import WireError

__all__ = ["EngineRoom", "EngineState"]

EngineState = Literal["loading", "ready", "failed"]

_WORTH_SAYING_S = 0.5
_BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)


class EngineRoom:
    """Owns the engines from `load` to `close`."""

    def __init__(self, engines: Sequence[Engine], *, backoff_s: Sequence[float] = _BACKOFF_S) -> None:
        if not engines:
            raise ValueError("a host without an engine answers nothing")
        self._engines = {engine.info.name: engine for engine in engines}
        self.states: dict[str, EngineState] = dict.fromkeys(self._engines, "loading")
        self._backoff_s = backoff_s
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
        if self.states[engine.info.name] == "failed":
            raise WireError("engine_unavailable", "The model could not be loaded; trying again.", retry_after_ms=5000)
        return engine

    async def load(self) -> None:
        """Warm every engine up, again and again until it works."""
        async with asyncio.TaskGroup() as group:
            for engine in self._engines.values():
                group.create_task(self._warm(engine))

    async def close(self) -> None:
        """End every engine; one that fails to end does not keep the others."""
        for engine in self._engines.values():
            try:
                async with asyncio.timeout(10):
                    await engine.close()
            except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code
                self._log.exception("engine did not close", engine=engine.info.name)

    async def _warm(self, engine: Engine) -> None:
        name = engine.info.name
        tries = 0
        began = time.monotonic()
        while self.states[name] != "ready":
            try:
                await engine.warm_up()
            except EngineError as error:
                self._log.warning("engine cannot be loaded", engine=name, reason=error.message, hint=error.hint)
            except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code
                self._log.exception("engine cannot be loaded", engine=name)
            else:
                self.states[name] = "ready"
                took = time.monotonic() - began
                if took > _WORTH_SAYING_S:
                    self._log.info("engine ready", engine=name, model=engine.info.model, took_s=round(took, 1))
                return
            self.states[name] = "failed"
            await asyncio.sleep(self._backoff_s[min(tries, len(self._backoff_s) - 1)])
            tries += 1
