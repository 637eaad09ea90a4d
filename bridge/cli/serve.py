"""`bridge serve`: the host service in this terminal; the same as `bridge-host serve`."""

import typer

from bridge.errors import HostUnavailable

__all__ = ["serve"]


def serve(context: typer.Context) -> None:
    """Run the host service in this terminal. Its options are those of `bridge-host serve`."""
    import os
    import sys
    from importlib.util import find_spec

    if find_spec("fastapi") is None or find_spec("PIL") is None:
        raise HostUnavailable("the host's packages are not installed", hint="pip install 'lensbridge[host,ocr]'")
    # The same process from here on: signals, exit code and terminal are the host's own.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "host_server", *context.args])  # ruff: ignore[start-process-with-no-shell]
