"""The real command inside the test's own process: everything but the interpreter's start, which costs half a second."""

import asyncio
import contextlib
import io
import os
from collections.abc import Generator, Mapping
from pathlib import Path

from tests.support.command import Done

__all__ = ["bridge_here"]


async def bridge_here(*words: str, env: Mapping[str, str], cwd: Path | None = None, deadline: float = 60.0) -> Done:
    """Run one command to its end, in a thread, so that phones and hosts of this event loop can answer it."""
    async with asyncio.timeout(deadline):
        return await asyncio.to_thread(_run, words, env, cwd)


def _run(words: tuple[str, ...], env: Mapping[str, str], cwd: Path | None) -> Done:
    from bridge.cli.app import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    here = contextlib.chdir(cwd or Path.cwd())
    with _environment(env), here, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(words))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Generator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
