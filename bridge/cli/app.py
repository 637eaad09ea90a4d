"""`bridge`: the commands put together, and the one place where an error becomes words and an exit code."""

import os
import sys
from typing import Annotated, Any

import typer

from bridge.__about__ import __version__
from bridge.cli import ask, capture, connect, demo, devices, disconnect, doctor, prompts, serve, status
from bridge.cli.output import Output
from bridge.errors import BridgeError, Interrupted, UsageError

__all__ = ["app", "main"]

# Every word goes to the host's own command line, `--help` too: that is where the options are.
HANDED_ON: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    name="bridge",
    help="Try a vision-language model on real Android phones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("devices")(devices.devices)
app.command("doctor")(doctor.doctor)
app.command("connect")(connect.connect)
app.command("disconnect")(disconnect.disconnect)
app.command("status")(status.status)
app.command("ask")(ask.ask)
app.command("capture")(capture.capture)
app.add_typer(prompts.app)
app.command("serve", context_settings=HANDED_ON)(serve.serve)
app.command("demo")(demo.demo)


def _version(asked: bool) -> None:  # ruff: ignore[boolean-type-hint-positional-argument] typer calls it so
    if asked:
        Output().data(f"lensbridge {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Try a vision-language model on real Android phones."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with the documented code."""
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(words, Output(as_json="--json" in words)))


def _run(words: list[str], output: Output) -> int:
    try:
        return _called(words, output)
    except BaseExceptionGroup as group:
        if group.subgroup(BrokenPipeError) is not None:
            return _nobody_reads()
        # Tasks that work side by side fail as a group; the first error meant for people is what happened.
        error = _first_for_people(group)
        if error is None:
            return _other(group, words, output)
        output.error(error)
        return error.exit_code


def _called(words: list[str], output: Output) -> int:
    try:
        result: Any = app(words, standalone_mode=False)
    except BaseExceptionGroup:
        raise
    except (BridgeError, OSError) as error:
        known = _for_people(error)
        if known is None:
            return _nobody_reads() if isinstance(error, BrokenPipeError) else _other(error, words, output)
        output.error(known)
        return known.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(output)
    except Exception as error:  # ruff: ignore[blind-except] typer's own errors are those of whichever click it carries
        return _other(error, words, output)
    if result == Interrupted.exit_code:  # typer makes a number of Ctrl-C
        return _interrupted(output)
    return result if isinstance(result, int) else 0


def _interrupted(output: Output) -> int:
    stopped = Interrupted("interrupted", hint="the same command begins anew")
    output.error(stopped)
    return stopped.exit_code


def _nobody_reads() -> int:
    """`bridge devices | head`: the reader has seen enough; Python's own flush at the end must not complain either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _first_for_people(group: BaseExceptionGroup[BaseException]) -> BridgeError | None:
    for error in group.exceptions:
        found = _first_for_people(error) if isinstance(error, BaseExceptionGroup) else _for_people(error)
        if found is not None:
            return found
    return None


def _for_people(error: BaseException) -> BridgeError | None:
    """What people can do something about: our own errors, and a full disk wherever it is met."""
    if isinstance(error, OSError):
        from bridge.spool import disk_full

        return disk_full(error)
    return error if isinstance(error, BridgeError) else None


def _other(error: BaseException, words: list[str], output: Output) -> int:
    """A usage error of click, or a bug of ours: that one is said plainly, and its traceback kept for BRIDGE_DEBUG."""
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        if type(error).__name__ == "NoArgsIsHelpError":  # `bridge` alone: its message is the help
            output.say(error.format_message())
        else:
            message = error.format_message().replace("Value error, ", "")  # pydantic's word for our own checks
            output.error(UsageError(message, hint=f"see `{_command_of(error, words)} --help`"))
        return UsageError.exit_code
    if os.environ.get("BRIDGE_DEBUG"):
        raise error
    problem = BridgeError(
        f"internal error: {type(error).__name__}: {error}",
        hint="set BRIDGE_DEBUG=1 and run it again to see where; please report it",
    )
    output.error(problem)
    return problem.exit_code


def _command_of(error: BaseException, words: list[str]) -> str:
    """The command whose help says more; an option without its value is told before click knows the command."""
    path = getattr(getattr(error, "ctx", None), "command_path", None)
    return path or " ".join(["bridge", *(word for word in words[:1] if word in _names())])


def _names() -> set[object]:
    groups = {group.typer_instance.info.name for group in app.registered_groups if group.typer_instance}
    return groups | {command.name for command in app.registered_commands}
