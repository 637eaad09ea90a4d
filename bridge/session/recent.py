"""A memory that forgets its oldest entries, so that nothing grows with a session's age."""

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Recent"]

_KeyT = TypeVar("_KeyT")
_ValueT = TypeVar("_ValueT")


class Recent(Generic[_KeyT, _ValueT]):
    """At most `limit` entries; writing one makes it the newest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[_KeyT, _ValueT] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def get(self, key: _KeyT) -> _ValueT | None:
        """What is remembered under this key, if anything."""
        return self._entries.get(key)

    def items(self) -> list[tuple[_KeyT, _ValueT]]:
        """All entries, the oldest first."""
        return list(self._entries.items())

    def put(self, key: _KeyT, value: _ValueT) -> None:
        """Remember."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def drop(self, key: _KeyT) -> bool:
        """Forget one; tells whether it was there."""
        found = key in self._entries
        self._entries.pop(key, None)
        return found

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
