"""Who may sit down at an engine, who waits and where, who is sent away.

A ticket is taken before anything is read or decoded for a question, so that a burst of pictures cannot make the host
work on questions it will refuse. First come, first served, for each engine by itself.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Admission", "AdmissionError", "Moved"]

_FIRST_GUESS_S = 2.0  # an answer's time before one was seen
_SMOOTHING = 0.3
_RETRY_S = (0.5, 60.0)


class AdmissionError(Exception):
    """Sent away. `code` is the wire's; come back after `retry_after_s`."""

    def __init__(self, code: str, retry_after_s: float) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Moved:
    """What changed when somebody left: who sits now, and the new places of those who still wait."""

    seated: tuple[str, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Engine:
    seats: int
    seated: dict[str, float] = field(default_factory=dict)  # ticket ► since when
    waiting: OrderedDict[str, None] = field(default_factory=OrderedDict)
    service_s: float = _FIRST_GUESS_S


class Admission:
    """Tickets for the seats of several engines."""

    def __init__(self, seats: Mapping[str, int], *, max_waiting: int, max_per_principal: int) -> None:
        self._engines = {name: _Engine(count) for name, count in seats.items()}
        self._max_waiting = max_waiting
        self._max_per_principal = max_per_principal
        self._tickets: dict[str, tuple[_Engine, str]] = {}
        self._held: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """How many sit."""
        return sum(len(engine.seated) for engine in self._engines.values())

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(engine.waiting) for engine in self._engines.values())

    @property
    def full(self) -> bool:
        """Whether nobody else may wait."""
        return self.waiting >= self._max_waiting

    def enter(self, ticket: str, *, engine: str, principal: str, now: float) -> int:
        """The place in the queue, 0 being a seat. Raises `AdmissionError`; otherwise `leave` must follow."""
        room = self._engines[engine]
        if self._held[principal] >= self._max_per_principal:
            raise AdmissionError("too_many_inflight", _retry_after(room))
        if len(room.seated) >= room.seats and self.full:
            raise AdmissionError("queue_full", _retry_after(room))
        self._tickets[ticket] = (room, principal)
        self._held[principal] += 1
        if len(room.seated) < room.seats:
            room.seated[ticket] = now
            return 0
        room.waiting[ticket] = None
        return len(room.waiting)

    def leave(self, ticket: str, *, now: float) -> Moved:
        """Give a ticket back, seated or waiting; one that is not held changes nothing."""
        room, principal = self._tickets.pop(ticket, (None, ""))
        if room is None:
            return Moved()
        self._held[principal] -= 1
        if not self._held[principal]:
            del self._held[principal]
        since = room.seated.pop(ticket, None)
        if since is not None:
            room.service_s += _SMOOTHING * (now - since - room.service_s)
        room.waiting.pop(ticket, None)
        seated: list[str] = []
        while room.waiting and len(room.seated) < room.seats:
            following, _ = room.waiting.popitem(last=False)
            room.seated[following] = now
            seated.append(following)
        return Moved(tuple(seated), {name: place for place, name in enumerate(room.waiting, 1)})


def _retry_after(room: _Engine) -> float:
    shortest, longest = _RETRY_S
    wait = (len(room.waiting) + 1) * room.service_s / room.seats
    return min(max(wait, shortest), longest)
