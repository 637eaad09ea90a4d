"""Who may sit down at an engine, who waits and where, who is sent away. Pure.

A ticket is taken before anything is read or decoded for a question, so that a burst of pictures cannot make the host
work on questions it will refuse. Each engine has its own seats and two lines:

```
 interactive ─► principals take turns ─┐                       somebody waits for the answer
 batch ───────► principals take turns ─┴─► seats of the engine    batch leaves `reserved` ones free
```
Interactive questions go first. Batch keeps some seats free for the next one of them, so that it need not wait for the
end of an answer; yet after `PATIENCE` interactive ones in a row batch takes its turn too, and never starves.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from host_server.core.question import Priority
from host_server.core.turns import Turns

__all__ = ["CLASSES", "PATIENCE", "Admission", "AdmissionError", "Load", "Moved", "Quota"]

CLASSES: tuple[Priority, Priority] = ("interactive", "batch")
PATIENCE = 4
"""Interactive questions that may be seated one after another while batch waits."""

_SHARE_KEPT = 8  # of so many seats batch leaves one free
_FIRST_GUESS_S = 2.0  # an answer's time before one was seen
_SMOOTHING = 0.3
_RETRY_S = (0.5, 60.0)
_CLOSE = 8  # places that are told whenever they change


class AdmissionError(Exception):
    """Sent away. `code` is the wire's; come back after `retry_after_s`."""

    def __init__(self, code: str, retry_after_s: float) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Quota:
    """How many questions of one class: `waiting` of all principals together, `each` of one, seated ones included."""

    waiting: int
    each: int


@dataclass(frozen=True, slots=True)
class Load:
    """How much waits before a new question of this class, and how long that will take, as far as anybody knows."""

    waiting: int
    most: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Moved:
    """What changed: who sits now, and the new places of those who wait, where they are worth telling."""

    seated: tuple[str, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Ticket:
    engine: str
    principal: str
    priority: Priority


@dataclass(slots=True)
class _Engine:
    seats: int
    seated: set[str] = field(default_factory=set)
    lines: dict[Priority, Turns] = field(default_factory=lambda: {name: Turns() for name in CLASSES})
    in_a_row: int = 0
    batch_seated: int = 0
    answer_s: float = _FIRST_GUESS_S

    @property
    def reserved(self) -> int:
        """Seats that batch leaves free; with a single one there is nothing to share."""
        return max(1, self.seats // _SHARE_KEPT) if self.seats > 1 else 0

    @property
    def free(self) -> int:
        return self.seats - len(self.seated)

    def called(self) -> Priority | None:
        """The class that the next seat goes to."""
        interactive, batch = (len(self.lines[name]) for name in CLASSES)
        if not self.free:
            return None
        its_turn = self.in_a_row >= PATIENCE and self.batch_seated < self.seats - self.reserved
        if batch and (its_turn or (self.free > self.reserved and not interactive)):
            return "batch"
        return "interactive" if interactive else None

    def seat(self, priority: Priority) -> str:
        """Let the next one of this class sit down."""
        ticket = self.lines[priority].next()
        self.seated.add(ticket)
        self.batch_seated += priority == "batch"
        self.in_a_row = self.in_a_row + 1 if priority == "interactive" and self.lines["batch"] else 0
        return ticket

    def order(self) -> Iterator[str]:
        """Who waits, in the order in which they will be seated, about: batch's turns are left out."""
        for name in CLASSES:
            yield from self.lines[name]


class Admission:
    """Tickets for the seats of several engines."""

    def __init__(self, seats: Mapping[str, int], quotas: Mapping[Priority, Quota]) -> None:
        self._engines = {name: _Engine(count) for name, count in seats.items()}
        self._quotas = quotas
        self._tickets: dict[str, _Ticket] = {}
        self._told: dict[str, int] = {}
        self._held: Counter[tuple[Priority, str]] = Counter()

    @property
    def running(self) -> int:
        """How many sit."""
        return sum(len(engine.seated) for engine in self._engines.values())

    def waiting(self, priority: Priority | None = None, *, engine: str | None = None) -> int:
        """How many wait: of a class, for an engine; of all and for all without."""
        engines = [self._engines[engine]] if engine else self._engines.values()
        return sum(len(one.lines[name]) for one in engines for name in ([priority] if priority else CLASSES))

    def seated(self, engine: str) -> int:
        """How many sit at this engine."""
        return len(self._engines[engine].seated)

    @property
    def full(self) -> bool:
        """Whether no further interactive question may wait."""
        return self._full("interactive")

    def load(self, engine: str, priority: Priority) -> Load:
        """What a question would find now."""
        waiting = self.waiting(priority, engine=engine)
        return Load(waiting, self._quotas[priority].waiting, self._wait_s(engine, priority))

    def enter(self, ticket: str, *, engine: str, principal: str, priority: Priority = "interactive") -> Moved:
        """Take a ticket; it is among those who sit now or has its place among those who wait.

        Raises `AdmissionError`; otherwise `leave` must follow.
        """
        room = self._engines[engine]
        if self._held[priority, principal] >= self._quotas[priority].each:
            raise AdmissionError("too_many_inflight", self.retry_after_s(engine, priority))
        full = self._full(priority)
        line = room.lines[priority]
        line.add(ticket, principal)
        if full and not (len(line) == 1 and room.called() == priority):
            line.remove(ticket, principal)
            raise AdmissionError("queue_full", self.retry_after_s(engine, priority))
        self._tickets[ticket] = _Ticket(engine, principal, priority)
        self._held[priority, principal] += 1
        return self._move(room)

    def leave(self, ticket: str, *, took_s: float | None = None) -> Moved:
        """Give a ticket back, seated or waiting; one that is not held changes nothing.

        `took_s` is how long the engine worked for it, when it came to its end: what waits is judged by that.
        """
        held = self._tickets.pop(ticket, None)
        if held is None:
            return Moved()
        room = self._engines[held.engine]
        self._held[held.priority, held.principal] -= 1
        self._held += Counter()  # nobody is remembered with nothing
        self._told.pop(ticket, None)
        if ticket in room.seated:
            room.seated.remove(ticket)
            room.batch_seated -= held.priority == "batch"
        else:
            room.lines[held.priority].remove(ticket, held.principal)
        if took_s is not None:
            room.answer_s += _SMOOTHING * (took_s - room.answer_s)
        return self._move(room)

    def retry_after_s(self, engine: str, priority: Priority) -> float:
        """When it is worth asking again."""
        shortest, longest = _RETRY_S
        return min(max(self._wait_s(engine, priority), shortest), longest)

    def _wait_s(self, engine: str, priority: Priority) -> float:
        room = self._engines[engine]
        ahead = len(room.lines["interactive"]) + (len(room.lines["batch"]) if priority == "batch" else 0)
        return (ahead + 1) * room.answer_s / room.seats

    def _full(self, priority: Priority) -> bool:
        return self.waiting(priority) >= self._quotas[priority].waiting

    def _move(self, room: _Engine) -> Moved:
        """Call whoever can sit, and look who has moved up."""
        seated: list[str] = []
        while (priority := room.called()) is not None:
            seated.append(ticket := room.seat(priority))
            self._told.pop(ticket, None)
        return Moved(tuple(seated), self._news(room))

    def _news(self, room: _Engine) -> dict[str, int]:
        """Places that have changed enough to be told: the first few always, further behind each time they halve."""
        news: dict[str, int] = {}
        for place, ticket in enumerate(room.order(), 1):
            told = self._told.get(ticket)
            if told is None or (place != told and (place <= _CLOSE or 2 * place <= told)):
                news[ticket] = self._told[ticket] = place
        return news
