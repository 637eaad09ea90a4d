"""What the step loop does next: who joins the batch, whose prompt is computed, whether every row takes a step.

```
 submit ─► waiting ─► filling, a chunk a turn ─► ready ─► running ─► ended
                                                   ▲         │
                                                   └─ parked ┘  a batch row makes place for an interactive one
```
Pure: numbers in, a `Turn` out; no torch, no clock. Its promises:

* Interactive prompts go before batch prompts, which wait in between where they are.
* Rows that somebody waits for take a step every turn, so that one chunk of a prompt is the longest pause between two of
  their tokens. While only batch rows run, they pause for an interactive prompt, but no longer than `patience` turns.
* Nobody starves: a batch question that `overtakes` interactive ones have passed is treated as one of them.
* Never more rows than `max_rows` take a step, and never is more memory promised than `kv_tokens`. Rows lie in one
  rectangle, the shorter ones padded, so that memory is counted as rows times the longest.
"""

from collections import deque
from dataclasses import dataclass

from host_server.engines.base import Priority

__all__ = ["Scheduler", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the loop, done in this order."""

    park: tuple[int, ...] = ()
    """Rows that leave the batch for a while, with what is computed of them."""
    join: tuple[int, ...] = ()
    """Ready ones that become rows of the batch."""
    prefill: int | None = None
    """Whose prompt is computed a chunk further."""
    decode: bool = False
    """Whether every row of the batch gets its next token."""


@dataclass(slots=True)
class _Known:
    """A request from `submit` to `ended`."""

    number: int
    priority: Priority
    tokens: int
    """Most that it can come to: prompt and answer."""
    arrival: int
    waits_since: int
    """How many interactive prompts had been begun when it began to wait, less those that had passed it before."""
    passed: int = 0
    """By how many it had been passed when it got its row."""


class Scheduler:
    """The queue in front of the model and the rows in it. See the module's docstring for what it promises."""

    def __init__(self, *, max_rows: int, kv_tokens: int, patience: int = 16, overtakes: int = 16) -> None:
        self._max_rows = max_rows
        self._kv_tokens = kv_tokens
        self._patience = patience
        self._overtakes = overtakes
        self._known: dict[int, _Known] = {}
        self._waiting: dict[Priority, deque[int]] = {"interactive": deque(), "batch": deque()}
        self._filling: list[int] = []
        self._ready: list[int] = []
        self._running: list[int] = []
        self._arrivals = 0
        self._begun = 0
        self._paused = 0

    @property
    def idle(self) -> bool:
        """Nothing is left to do."""
        return not self._known

    @property
    def promised(self) -> int:
        """Tokens of memory that those who were begun can come to need."""
        return self._rectangle()

    def submit(self, number: int, priority: Priority, tokens: int) -> None:
        """A new request that needs at most `tokens` of memory, which must be no more than there is."""
        self._arrivals += 1
        self._known[number] = _Known(number, priority, tokens, self._arrivals, self._begun)
        self._waiting[priority].append(number)

    def filled(self, number: int) -> None:
        """Its prompt is computed."""
        self._filling.remove(number)
        self._ready.append(number)

    def ended(self, number: int) -> None:
        """It is finished or given up, wherever it was. Unknown numbers are none of our business."""
        if self._known.pop(number, None) is not None:
            for place in (*self._waiting.values(), self._filling, self._ready, self._running):
                if number in place:
                    place.remove(number)

    def turn(self) -> Turn:
        """What to do now; taken as done, but for the prompt, of which `filled` tells."""
        self._promote()
        park, join = self._seat()
        prefill = self._next_prompt()
        return Turn(park, join, prefill, self._decodes(prefill))

    def _promote(self) -> None:
        """Who has been passed too often waits with the others no longer. Queues are in order: their head is enough."""
        queue = self._waiting["batch"]
        while queue and self._passed(queue[0]) >= self._overtakes:
            number = queue.popleft()
            self._known[number].priority = "interactive"
            self._waiting["interactive"].appendleft(number)
        for number in (*self._filling, *self._ready):
            if self._passed(number) >= self._overtakes:
                self._known[number].priority = "interactive"

    def _passed(self, number: int) -> int:
        return self._begun - self._known[number].waits_since

    def _seat(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Give the ready ones their rows: the interactive first, each in the order they came."""
        park: list[int] = []
        join: list[int] = []
        for number in sorted(self._ready, key=lambda n: (not self._urgent(n), self._known[n].arrival)):
            if len(self._running) == self._max_rows:
                place = self._youngest_batch_row()
                if place is None or not self._urgent(number):
                    break
                self._running.remove(place)
                self._known[place].waits_since = self._begun - self._known[place].passed - 1
                park.append(place)
            self._known[number].passed = self._passed(number)
            self._running.append(number)
            join.append(number)
        # Those that were parked are ready again, but not before the next turn.
        self._ready = [number for number in self._ready if number not in join] + park
        return tuple(park), tuple(join)

    def _youngest_batch_row(self) -> int | None:
        rows = [number for number in self._running if not self._urgent(number)]
        return max(rows, key=lambda number: self._known[number].arrival, default=None)

    def _next_prompt(self) -> int | None:
        """Whose prompt goes on or is begun: an interactive one if any can, else a batch one."""
        interactive, batch = self._waiting["interactive"], self._waiting["batch"]
        for number in self._filling:
            if self._urgent(number):
                return number
        if interactive and self._may_begin(interactive[0]):
            self._begun += 1
            return self._begin(interactive)
        if self._filling:
            return self._filling[0]
        # While an interactive one waits for memory, none of it goes to the others.
        if batch and not interactive and self._may_begin(batch[0]):
            return self._begin(batch)
        return None

    def _begin(self, queue: deque[int]) -> int:
        number = queue.popleft()
        self._filling.append(number)
        return number

    def _may_begin(self, number: int) -> bool:
        """Whether there is memory, and a row soon: one that is free, or one of a batch question to be parked."""
        begun = [n for n in self._begun_ones() if self._urgent(n) or not self._urgent(number)]
        return len(begun) < self._max_rows and self._rectangle(number) <= self._kv_tokens

    def _rectangle(self, *others: int) -> int:
        tokens = [self._known[number].tokens for number in (*self._begun_ones(), *others)]
        return len(tokens) * max(tokens, default=0)

    def _begun_ones(self) -> tuple[int, ...]:
        return (*self._filling, *self._ready, *self._running)

    def _decodes(self, prefill: int | None) -> bool:
        if not self._running:
            return False
        waited_for = any(self._urgent(number) for number in self._running)
        if prefill is not None and self._urgent(prefill) and not waited_for and self._paused < self._patience:
            self._paused += 1
            return False
        self._paused = 0
        return True

    def _urgent(self, number: int) -> bool:
        return self._known[number].priority == "interactive"
