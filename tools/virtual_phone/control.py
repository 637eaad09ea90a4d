"""The phone's end of the stub commands: a UNIX socket inside the phone.

Whatever runs on the phone can connect, so the request has a size limit and a deadline.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

from virtual_phone.commands.reply import Reply

__all__ = ["serve_commands"]

_log = logging.getLogger(__name__)
_REQUEST_LIMIT = 256 << 10
_DEADLINE = 30.0


async def serve_commands(path: Path, run: Callable[[list[str]], Reply]) -> asyncio.Server:
    """Listen at `path`; each connection is one command."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_DEADLINE):
                reply = run(_words(await reader.readline()))
                writer.write(json.dumps([reply.status, len(reply.stdout), len(reply.stderr)]).encode() + b"\n")
                writer.write(reply.stdout + reply.stderr)
                await writer.drain()
        except (ValueError, OSError, TimeoutError) as error:
            _log.warning("a command on the phone was not understood: %s", error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    return await asyncio.start_unix_server(answer, path, limit=_REQUEST_LIMIT)


def _words(line: bytes) -> list[str]:
    """A command's name and arguments. Raises ValueError."""
    words = json.loads(line)
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError("not a list of words")
    return words
