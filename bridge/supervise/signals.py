"""Ctrl-C and `bridge disconnect` end a connection in order: first told, then undone, never torn down half way."""

import asyncio
import signal

__all__ = ["until_told"]


async def until_told() -> None:
    """Wait for SIGINT, SIGTERM or SIGHUP. A second SIGINT is Python's own again, for whoever cannot wait."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    try:
        await told.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
