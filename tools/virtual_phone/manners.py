"""Where a phone may depart from good behaviour. Every place is empty on a phone that behaves.

A rogue (see `virtual_phone.rogues`) fills one or two of them for a while and empties them again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from virtual_phone.channel import Channel
from virtual_phone.commands.reply import Command
from virtual_phone.files import PhoneFiles
from virtual_phone.link import Service

__all__ = ["Manners", "Serving", "Twist"]

Twist = Callable[[str, Service | None], Service | None]
"""Asked with a service's name and what would serve it; gives what serves it instead."""


class Serving(Protocol):
    """Whoever answers the requests of a sync connection."""

    async def answer_one(self) -> bool:
        """Read a request and answer it; False when the connection is over."""


@dataclass(slots=True)
class Manners:
    """What is done instead of the ordinary, by name or in the order in which it was set."""

    commands: dict[str, Command] = field(default_factory=dict)
    services: list[Twist] = field(default_factory=list)
    syncing: list[Callable[[PhoneFiles, Channel], Serving]] = field(default_factory=list)
    """Who answers sync requests; the last one does."""
