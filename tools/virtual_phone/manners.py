"""Where a phone may depart from good behaviour. Every place is empty on a phone that behaves.

A rogue (see `virtual_phone.rogues`) fills one or two of them for a while and empties them again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from virtual_phone.commands.reply import Command
from virtual_phone.link import Service

__all__ = ["Manners", "Twist"]

Twist = Callable[[str, Service | None], Service | None]
"""Asked with a service's name and what would serve it; gives what serves it instead."""


@dataclass(slots=True)
class Manners:
    """What is done instead of the ordinary, by name or in the order in which it was set."""

    commands: dict[str, Command] = field(default_factory=dict)
    services: list[Twist] = field(default_factory=list)
