"""cli.md: every command with its arguments and options, read from the commands themselves."""

import inspect
from collections.abc import Iterator
from itertools import starmap
from typing import Any

import typer

from tools.reference.table import table

__all__ = ["commands_page"]

_HEAD = """# Commands

`bridge` is also installed as `lensbridge`. `COMMAND --help` says the same in the terminal. stdout is data, stderr is
talk; exit codes are in [errors.md](errors.md), settings behind the options in [settings.md](settings.md).
"""


def commands_page() -> str:
    """The whole page."""
    from bridge.cli.app import app as bridge
    from host_server.cli.app import app as host

    parts = [_HEAD]
    for name, app in (("bridge", bridge), ("bridge-host", host)):
        parts += list(starmap(_section, _leaves(name, typer.main.get_command(app))))
    return "\n".join(parts)


def _leaves(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with all the words one types for it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for name, inner in below.items():
        yield from _leaves(f"{words} {name}", inner)


def _section(words: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    usage = " ".join([words, *(["[OPTIONS]"] if options else []), *(_shown(argument) for argument in arguments)])
    parts = [f"## {words}\n", f"`{usage}`\n", inspect.cleandoc(command.help or "") + "\n"]
    rows = [(f"`{_shown(param)}`", _help(param)) for param in arguments if param.help]
    rows += [(f"`{_spelled(param)}`", _help(param)) for param in options if param.name != "help"]
    return "\n".join([*parts, table(("", "what"), rows)] if rows else parts)


def _shown(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _spelled(option: Any) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.metavar or option.name.upper()}"


def _help(param: Any) -> str:
    text = param.help or ""
    if param.param_type_name == "option" and not param.is_flag and param.default not in (None, [], ()):
        text += f" Default: {param.default}."
    return text
