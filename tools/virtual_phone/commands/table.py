"""All commands of the phone by name."""

import logging

from virtual_phone.commands import apps, dumps, keys, screen, system
from virtual_phone.commands.reply import Reply
from virtual_phone.device import Device

__all__ = ["NAMES", "run"]

_log = logging.getLogger(__name__)
_COMMANDS = apps.COMMANDS | dumps.COMMANDS | keys.COMMANDS | screen.COMMANDS | system.COMMANDS
NAMES = tuple(sorted(_COMMANDS))


def run(device: Device, argv: list[str]) -> Reply:
    """Run one command; what goes wrong in it is said on its stderr."""
    name, *arguments = argv
    command = _COMMANDS.get(name)
    if command is None:
        return Reply.error(f"{name}: not found", 127)
    try:
        return command(device, arguments)
    except (IndexError, KeyError, ValueError) as error:
        _log.debug("%s", argv, exc_info=error)
        return Reply.error(f"{name}: bad arguments: {' '.join(arguments)}", 255)
