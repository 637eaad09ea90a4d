"""The seats at the engines: who sits, who is told to wait, and on which step of the ladder an engine stands."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from host_server.core.admission import Admission, AdmissionError, Moved
from host_server.core.degrade import STEPS, Ladder, load_of
from host_server.core.question import Priority
from host_server.service.limits import Limits
from host_server.wire.errors import WireError

__all__ = ["Seat", "Seats"]

_NEAR = 8  # places; so many are told exactly
_TOO_MANY = {
    "queue_full": "Too many questions wait.",
    "too_many_inflight": "Too many questions of yours at once.",
}


@dataclass(slots=True)
class Seat:
    """A place at the engine: `place` in the queue, 0 once it is `free`, and `near` when pictures may be made ready."""

    place: int = 0
    near: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def move(self, place: int) -> None:
        """The queue has moved."""
        self.place = place
        if place <= _NEAR:
            self.near.set()
        if not place:
            self.free.set()


class Seats:
    """Tickets in, seats out. `tell` hears of each waiting ticket whose place is worth telling again."""

    def __init__(
        self,
        lanes: Mapping[str, int],
        limits: Limits,
        *,
        clock: Callable[[], float],
        tell: Callable[[str, int], None],
    ) -> None:
        self._admission = Admission(lanes, limits.quotas)
        self._ladders = {name: Ladder() for name in lanes} if limits.degrade else {}
        self._patience_s = limits.patience_s
        self._clock = clock
        self._tell = tell
        self._seats: dict[str, Seat] = {}
        self._engines: dict[str, str] = {}

    @property
    def queue(self) -> dict[str, int]:
        """How many sit at an engine, how many wait."""
        return {"running": self._admission.running, "waiting": self._admission.waiting()}

    @property
    def full(self) -> bool:
        """Whether no further question that somebody waits for may wait."""
        return self._admission.full

    def running(self, engine: str) -> int:
        """How many sit at this engine."""
        return self._admission.seated(engine)

    def waiting(self, engine: str, priority: Priority) -> int:
        """How many of a class wait for this engine."""
        return self._admission.waiting(priority, engine=engine)

    def level(self, engine: str) -> int:
        """The step for a question that is taken now, 0 for none; see `core.degrade`."""
        ladder = self._ladders.get(engine)
        if ladder is None:
            return 0
        load = load_of(self._admission.load(engine, "interactive"), patience_s=self._patience_s)
        return ladder.look(load, now=self._clock())

    def declines(self, engine: str) -> bool:
        """Whether so much waits that a new question is better told so at once."""
        return self.level(engine) >= len(STEPS)

    def retry_after_ms(self, engine: str, priority: Priority) -> int:
        """When it is worth asking again."""
        return int(1000 * self._admission.retry_after_s(engine, priority))

    def enter(self, ticket: str, *, engine: str, principal: str, priority: Priority) -> Seat:
        """A seat, or a place in the queue for one. Raises `WireError`; otherwise `leave` must follow."""
        seat = self._seats[ticket] = Seat()
        try:
            moved = self._admission.enter(ticket, engine=engine, principal=principal, priority=priority)
        except AdmissionError as error:
            del self._seats[ticket]
            retry_ms = int(error.retry_after_s * 1000)
            raise WireError(error.code, _TOO_MANY[error.code], retry_after_ms=retry_ms) from None
        self._engines[ticket] = engine
        self._moved(moved)
        return seat

    def leave(self, ticket: str, *, took_s: float | None = None) -> None:
        """Give it back; one that is not held changes nothing. `took_s` as in `Admission.leave`."""
        self._seats.pop(ticket, None)
        self._moved(self._admission.leave(ticket, took_s=took_s))
        engine = self._engines.pop(ticket, None)
        if engine is not None:
            self.level(engine)  # less waits now, which the ladder has to see

    def _moved(self, moved: Moved) -> None:
        for ticket in moved.seated:
            self._seats[ticket].move(0)
        for ticket, place in moved.waiting.items():
            self._seats[ticket].move(place)
            self._tell(ticket, place)
