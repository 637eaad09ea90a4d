"""The engines of this host by name: the first is the default, each has its keeper."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

from host_server.engines.base import Engine, EngineInfo
from host_server.observe.log import get_logger
from host_server.observe.metrics import Metrics
from host_server.service.keeper import Care, EngineState, Keeper
from host_server.wire.errors import WireError

__all__ = ["EngineRoom"]

_CLOSE_S = 3.0


class EngineRoom:
    """Owns the engines from `keep` to `close`."""

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        care: Care | None = None,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not engines:
            raise ValueError("a host without an engine answers nothing")
        self.metrics = metrics or Metrics()
        care = care or Care()
        self._keepers = {engine.info.name: Keeper(engine, care, self.metrics, clock=clock) for engine in engines}
        self.default = engines[0].info.name
        self._log = get_logger("host_server.engines")

    @property
    def keepers(self) -> tuple[Keeper, ...]:
        """All of them, the default one first."""
        return tuple(self._keepers.values())

    @property
    def engines(self) -> tuple[Engine, ...]:
        """All of them, the default one first."""
        return tuple(keeper.engine for keeper in self.keepers)

    @property
    def names(self) -> tuple[str, ...]:
        """What a question may ask for as its `model`."""
        return tuple(self._keepers)

    @property
    def states(self) -> dict[str, EngineState]:
        """How each engine is."""
        return {keeper.name: keeper.state for keeper in self.keepers}

    def reasons(self) -> list[str]:
        """Why a question would have to wait or be refused."""
        return [reason for keeper in self.keepers if (reason := keeper.reason())]

    def find(self, model: str) -> Keeper | None:
        """Who keeps the engine that is called so: by its own name, or by its model's, with or without the owner."""
        if model in self._keepers:
            return self._keepers[model]
        wanted = model.casefold()
        return next((keeper for keeper in self.keepers if wanted in _callings(keeper.engine.info)), None)

    def pick(self, model: str | None) -> Keeper:
        """Who keeps the engine a question asks for. Raises `WireError`."""
        keeper = self.find(model or self.default)
        if keeper is None:
            known = ", ".join(self._keepers)
            raise WireError("model_not_found", f"No such model here; there is: {known}.", param="model")
        keeper.check()
        return keeper

    async def keep(self) -> None:
        """Have every engine loaded, again and again until it works, and whenever it was lost."""
        async with asyncio.TaskGroup() as group:
            for keeper in self.keepers:
                group.create_task(keeper.keep())

    async def close(self) -> None:
        """End every engine; one that fails to end does not keep the others."""
        async with asyncio.TaskGroup() as group:
            for engine in self.engines:
                group.create_task(self._close(engine))

    async def _close(self, engine: Engine) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                await engine.close()
        except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code
            self._log.exception("engine did not close", engine=engine.info.name)


def _callings(info: EngineInfo) -> Iterator[str]:
    """`zai-org/GLM-4.6V-Flash@main (int8)` is also called without what stands behind its name, or before it."""
    whole = info.model.casefold()
    plain = whole.partition(" ")[0].partition("@")[0].rstrip("/")
    yield from (whole, plain, plain.rpartition("/")[2], f"{info.owner.casefold()}/{plain}")
