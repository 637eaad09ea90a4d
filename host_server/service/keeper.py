"""One engine from its first loading to its end: watched, started again, let go, and brought back when it is needed.

```
 loading ─► ready ─► its process died ─► restarting ─► ready          questions wait
    ▲         ├────► it has grown: what runs may end ─► restarting ─► ready
    │         └────► nobody asks: unloaded ─┐                         the next question loads it again
    │  ◄────────────────────────────────────┘
    └─► failed: tried again, with pauses  ◄── three deaths in a row   questions are refused, and told why
```
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, get_args

from host_server.core.restarts import Restarts
from host_server.core.upkeep import Reason, Upkeep
from host_server.engines.base import Engine, EngineError, EngineRestartedError, RestartableEngine
from host_server.observe.log import get_logger
from host_server.observe.metrics import Metrics
from host_server.wire.errors import WireError

__all__ = ["STATES", "Care", "EngineState", "Keeper"]

EngineState = Literal["loading", "ready", "restarting", "unloaded", "failed"]
STATES: Final[tuple[EngineState, ...]] = get_args(EngineState)

_WORTH_SAYING_S = 0.5
_RETRY_MS = 5000
_BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)


@dataclass(frozen=True, slots=True)
class Care:
    """How engines are looked after. Times in seconds."""

    idle_unload_s: float | None = None
    """End an engine's process when nobody has asked it anything for so long; `None`: never."""
    recycle_after: int | None = None
    """Begin anew when its process, or what it holds of a card, has grown by so many bytes; `None`: never."""
    drain_s: float = 120.0
    """How long running answers may take to end before it begins anew."""
    look_s: float = 1.0
    backoff_s: Sequence[float] = _BACKOFF_S
    """Pauses between tries to load what cannot be loaded."""
    restarts: Callable[[], Restarts] = Restarts
    shortest_life_s: float = 60.0
    """Younger ones are not begun anew, however they grow."""


class Keeper:
    """Looks after one engine while `keep` runs; `at_work` is how an answer uses it."""

    def __init__(
        self, engine: Engine, care: Care, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine = engine
        self.state: EngineState = "loading"
        self.trouble = ""
        """Why it could not be loaded the last time, with the next step."""
        self._care = care
        self._metrics = metrics
        self._clock = clock
        self._users = 0
        self._used = False  # since the last look
        self._left = asyncio.Event()
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self._log = get_logger("host_server.engines")

    @property
    def name(self) -> str:
        """The engine's."""
        return self.engine.info.name

    @property
    def memory(self) -> Mapping[str, int]:
        """Bytes it holds, by kind, as far as that is known."""
        return self.engine.memory if isinstance(self.engine, RestartableEngine) else {}

    def reason(self) -> str | None:
        """Why a question would have to wait or be refused, for people; None when it would not."""
        if self.state in {"ready", "unloaded"}:  # the latter is loaded by the first question
            return None
        told = f"engine {self.name} is {self.state}"
        return f"{told}: {self.trouble}" if self.trouble else told

    def check(self) -> None:
        """Raises `WireError` when it is not to be had for a while."""
        if self.state == "failed":
            message = self.trouble or "The model is not to be had at the moment; trying again."
            raise WireError("engine_unavailable", message, retry_after_ms=_RETRY_MS)

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[Engine]:
        """Wait until the engine is ready and use it; meanwhile it is not let go. Raises `WireError`."""
        while self.state != "ready":
            self.check()
            self._wanted.set()
            await self._changed.wait()
        self._users += 1
        self._used = True
        try:
            yield self.engine
        finally:
            self._users -= 1
            self._left.set()

    async def keep(self) -> None:
        """Have it loaded whenever it is needed, until cancelled."""
        restarts = self._care.restarts()
        while True:
            lived_s = 0.0  # one that dies while it loads has not lived
            if await self._warm():
                if not isinstance(self.engine, RestartableEngine):
                    return
                began = self._clock()
                reason = await self._ended(self.engine)
                if reason is not None:
                    await self._let_go(self.engine, reason)
                    continue
                lived_s = self._clock() - began
            pause = restarts.died(lived_s=lived_s)
            self._metrics.engine_ended(self.name, "died")
            self._log.error("engine died", engine=self.name, next_start_s=pause.seconds, resting=pause.resting)
            if pause.resting:
                self.trouble = "The model's process died several times in a row; it is started again in a while."
            self._become("failed" if pause.resting else "restarting")
            await asyncio.sleep(pause.seconds)

    async def _ended(self, engine: RestartableEngine) -> Reason | None:
        """Wait until it is lost (None) or should be let go."""
        care = self._care
        looks = care.idle_unload_s is not None or care.recycle_after is not None
        upkeep = Upkeep(
            idle_s=care.idle_unload_s,
            growth=care.recycle_after,
            now=self._clock(),
            shortest_life_s=care.shortest_life_s,
        )
        while True:
            try:
                async with asyncio.timeout(care.look_s if looks else None):
                    await engine.lost()
            except TimeoutError:
                busy, self._used = self._used or self._users > 0, False
                reason = upkeep.look(busy=busy, memory=engine.memory, now=self._clock())
                if reason is not None:
                    return reason
            else:
                return None

    async def _let_go(self, engine: RestartableEngine, reason: Reason) -> None:
        """End its process in peace; for `idle`, return when somebody needs it again."""
        self._log.info("engine is let go", engine=self.name, reason=reason)
        self._metrics.engine_ended(self.name, reason)
        self._wanted.clear()
        self._become("unloaded" if reason == "idle" else "restarting")
        await self._drained()
        await engine.unload()
        if reason == "idle":
            await self._wanted.wait()
            self._become("loading")

    async def _drained(self) -> None:
        """Wait for the running answers, but not for ever."""
        try:
            async with asyncio.timeout(self._care.drain_s):
                while self._users:
                    self._left.clear()
                    await self._left.wait()
        except TimeoutError:
            self._log.warning("answers are cut off", engine=self.name, answers=self._users)

    async def _warm(self) -> bool:
        """Load it, however many tries that takes; false when its process died meanwhile."""
        tries = 0
        began = self._clock()
        while True:
            try:
                await self.engine.warm_up()
            except EngineRestartedError:
                return False
            except EngineError as error:
                self.trouble = f"{error.message} {error.hint}".strip()
                self._log.warning("engine cannot be loaded", engine=self.name, reason=error.message, hint=error.hint)
            except Exception:  # ruff: ignore[blind-except] an engine is somebody else's code
                self.trouble = "The model cannot be loaded; the host's log says why."
                self._log.exception("engine cannot be loaded", engine=self.name)
            else:
                self._loaded(self._clock() - began)
                return True
            self._metrics.load_failed(self.name)
            self._become("failed")
            await asyncio.sleep(self._care.backoff_s[min(tries, len(self._care.backoff_s) - 1)])
            tries += 1

    def _loaded(self, took_s: float) -> None:
        self.trouble = ""
        self._become("ready")
        if took_s > _WORTH_SAYING_S:
            self._log.info("engine ready", engine=self.name, model=self.engine.info.model, took_s=round(took_s, 1))

    def _become(self, state: EngineState) -> None:
        self.state = state
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
