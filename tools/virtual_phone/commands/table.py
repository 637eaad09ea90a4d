"""All commands of the phone by name."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

from virtual_phone.commands import apps, dumps, keys, screen, system
from virtual_phone.commands.reply import Command, Reply
from virtual_phone.device import Device

__all__ = ["NAMES", "run"]

_log = logging.getLogger(__name__)
_COMMANDS = apps.COMMANDS | dumps.COMMANDS | keys.COMMANDS | screen.COMMANDS | system.COMMANDS
NAMES = tuple(sorted(_COMMANDS))


def run(device: Device, argv: list[str], instead: Mapping[str, Command] = MappingProxyType({})) -> Reply:
    """Run one command, or what is done instead of it; what goes wrong in it is said on its stderr."""
    name, *arguments = argv
    command = instead.get(name) or _COMMANDS.get(name)
    if command is None:
        return Reply.error(f"{name}: not found", 127)
    try:
        return command(device, arguments)
    except (IndexError, KeyError, ValueError) as error:
        _log.debug("%s", argv, exc_info=error)
        return Reply.error(f"{name}: bad arguments: {' '.join(arguments)}", 255)
