"""The first tenth of a second of `bridge-host`: here, so that nothing else is read before Ctrl-C is taken care of."""

import signal
from typing import NoReturn

__all__ = ["main"]


def main(words: list[str] | None = None, *, called: str = "bridge-host") -> NoReturn:
    """Run one command. Ctrl-C while our modules are still being read ends it without a word, not with a traceback."""
    usual = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from host_server.cli.app import main as run

    signal.signal(signal.SIGINT, usual)
    run(words, called=called)
