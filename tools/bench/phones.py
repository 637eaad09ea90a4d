"""A worker: virtual phones, each with its page played by a program. See `workers`.

usage: python -m tools.bench.phones COUNT PHOTOS
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bridge.virtual.page_client import PageClient
from tools.bench.workers import serve_verbs
from virtual_phone import VirtualPhone

__all__: list[str] = []


async def main(count: int, photos: Path) -> None:
    """Run them until stdin ends."""
    async with AsyncExitStack() as stack:
        phones = [VirtualPhone(photos, serial=f"VP{n:04}", capture_pause=0.02) for n in range(1, count + 1)]
        pages = []
        for phone in phones:
            await stack.enter_async_context(phone)
            pages.append(PageClient(phone.loopback, lambda _message: None))
            phone.on_open_url = pages[-1].open

        async def press(phone: int) -> dict[str, Any]:
            path = await phones[phone].press_shutter()
            return {"at": time.monotonic(), "path": path}

        async def replug(numbers: list[int]) -> dict[str, Any]:
            await asyncio.gather(*(phones[number].unplug() for number in numbers))
            await asyncio.gather(*(phones[number].replug() for number in numbers))
            return {}

        async def reboot(phone: int, down: float) -> dict[str, Any]:
            await phones[phone].reboot(down)
            return {}

        async def linked() -> dict[str, Any]:
            for page in pages:
                await page.linked.wait()
            return {}

        hello = {"addresses": [phone.address for phone in phones], "shell": phones[0].shell_rung}
        await serve_verbs(hello, press=press, replug=replug, reboot=reboot, linked=linked)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
