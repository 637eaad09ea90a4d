"""`python -m bridge`: the same as `bridge`, whatever else of that name is on PATH."""

import signal

__all__ = ["main"]


def main() -> None:
    """Run one command. Ctrl-C while our modules are still being read ends it without a word, not with a traceback."""
    usual = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from bridge.cli.app import main as run

    signal.signal(signal.SIGINT, usual)
    run()


if __name__ == "__main__":
    main()
