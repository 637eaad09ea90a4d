"""The absolute deadline around each call to adb, and the error when it passes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bridge.errors import DeadlinePassed

__all__ = ["within"]


@asynccontextmanager
async def within(seconds: float, doing: str, *, serial: str = "") -> AsyncGenerator[None, None]:
    """Everything inside ends within `seconds`. A TimeoutError of the operating system passes through unchanged."""
    timer = asyncio.timeout(seconds)
    try:
        async with timer:
            yield
    except TimeoutError as error:
        if not timer.expired():
            raise
        who = f"{serial}: " if serial else ""
        hint = (
            "is the phone awake and its cable firm? `adb reconnect` often helps"
            if serial
            else "is the adb server stuck? try `adb devices`"
        )
        raise DeadlinePassed(f"{who}{doing} did not end within {seconds:g} s", hint=hint, serial=serial) from error
