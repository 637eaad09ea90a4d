"""A queue in which principals take turns: each asks in order, nobody waits behind all that another one asks. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import zip_longest

__all__ = ["Turns"]


class Turns:
    """Tickets of several principals; who comes new has his turn after those who are here."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[str]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        """The tickets in the order of `next`, as long as nobody else comes."""
        for turn in zip_longest(*self._queues.values()):
            yield from (ticket for ticket in turn if ticket is not None)

    def add(self, ticket: str, principal: str) -> None:
        """One more, behind the others of this principal."""
        self._queues.setdefault(principal, deque()).append(ticket)
        self._count += 1

    def next(self) -> str:
        """Take out the one whose turn it is; there must be one."""
        principal, queue = self._queues.popitem(last=False)
        if len(queue) > 1:
            self._queues[principal] = queue  # at the end
        self._count -= 1
        return queue.popleft()

    def remove(self, ticket: str, principal: str) -> None:
        """Take out one that is here, wherever it stands."""
        queue = self._queues[principal]
        queue.remove(ticket)
        if not queue:
            del self._queues[principal]
        self._count -= 1
