"""What one rogue is: a line about it, and how a phone becomes it for a while."""

import contextlib
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from virtual_phone.commands.reply import Command
from virtual_phone.services.router import Parts

__all__ = ["Rogue", "answering"]


@dataclass(frozen=True, slots=True)
class Rogue:
    """`told` says in one line what the phone does; `enter` makes these parts do it until it is left."""

    told: str
    enter: Callable[[Parts], AbstractContextManager[None]]


def answering(**commands: Command) -> Callable[[Parts], AbstractContextManager[None]]:
    """A phone whose commands of these names answer in their own way."""

    @contextlib.contextmanager
    def enter(parts: Parts) -> Generator[None]:
        before = dict(parts.manners.commands)
        parts.manners.commands.update(commands)
        try:
            yield
        finally:
            parts.manners.commands.clear()
            parts.manners.commands.update(before)

    return enter
