"""Wait for something that tells nobody when it happens."""

import asyncio
from collections.abc import Callable

__all__ = ["until"]


async def until(true: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Return when `true()` is; TimeoutError when it never is."""
    async with asyncio.timeout(seconds):
        while not true():  # ruff: ignore[async-busy-wait] that is what this function is for
            await asyncio.sleep(0.01)
