"""The commands put together, and the one place where a mistake in their words becomes an exit status."""

import sys
from typing import NoReturn

import typer

from host_server.cli import fit, pull, serve, tokens
from host_server.cli.ending import INTERRUPTED, USAGE, end_with

__all__ = ["app", "main"]

app = typer.Typer(
    name="bridge-host",
    help="The service that answers questions about pictures.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("serve")(serve.serve)
app.command("pull")(pull.pull)
app.command("fit")(fit.fit)
app.add_typer(tokens.app, name="token")


def main(words: list[str] | None = None, *, called: str = "bridge-host") -> NoReturn:
    """The command `bridge-host`; a mistake in its words ends like every other error, with a hint."""
    try:
        ended = app(words, prog_name=called, standalone_mode=False)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not (hasattr(error, "format_message") and hasattr(error, "exit_code")):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            typer.echo(error.format_message(), err=True)
            sys.exit(USAGE)
        command = getattr(getattr(error, "ctx", None), "command_path", called)
        end_with(error.format_message(), f"see `{command} --help`", USAGE)
    sys.exit(ended if isinstance(ended, int) else 0)
