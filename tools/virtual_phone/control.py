"""The phone's end of the stub commands: a UNIX socket inside the phone.

Whatever runs on the phone can connect, so the request has a size limit and a deadline.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

from virtual_phone.commands import Reply

__all__ = ["serve_commands"]

_log = logging.getLogger(__name__)
_REQUEST_LIMIT = 256 << 10
_DEADLINE = 30.0


async def serve_commands(path: Path, run: Callable[[list[str]], Reply]) -> asyncio.Server:
    """Listen at `path`; each connection is one command."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_DEADLINE):
                argv = json.loads(await reader.readline())
                if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
                    raise ValueError("not a list of words")
                reply = run(argv)
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
