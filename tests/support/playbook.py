"""Transcripts for pure cores: `>> event` feeds, `<< command` is what must come out next, nothing may be left over."""

from typing import Any, Protocol, Self

__all__ = ["Playbook"]


class Core(Protocol):
    """Anything that takes an event with a time and gives commands."""

    def handle(self, event: Any, now: float) -> list[Any]:
        """One event in, commands out."""


class Playbook:
    """A conversation with a core; `at` moves the clock. It is true when every command was expected."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.now = 0.0
        self._out: list[Any] = []

    def at(self, seconds: float) -> Self:
        """Let this much time be on the clock."""
        self._nothing_left()
        self.now = seconds
        return self

    def __rshift__(self, event: Any) -> Self:
        self._nothing_left()
        self._out = self.core.handle(event, self.now)
        return self

    def __lshift__(self, command: Any) -> Self:
        assert self._out, f"expected {command}, but nothing came out"
        first = self._out.pop(0)
        assert command == first
        return self

    def __bool__(self) -> bool:
        self._nothing_left()
        return True

    def _nothing_left(self) -> None:
        assert not self._out, f"unexpected: {self._out}"
