"""A worker: one bridge that holds several phones, as far as their pages see: a front and a session each, one loop.

usage: python -m tools.bench.fronts FOLDER HOST-URL KEY PHONES
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import device_scripts
from bridge.client import HostClient, fixed
from bridge.front import Front
from bridge.session import Session
from bridge.session.events import PhoneInfo
from bridge.spool import Spool
from tools.bench.workers import serve_verbs

__all__: list[str] = []

_EVERY_S = 0.05


async def main(folder: Path, url: str, key: str, phones: int) -> None:
    """Serve until stdin ends."""
    async with AsyncExitStack() as stack:
        spool = stack.enter_context(Spool(folder / "spool"))
        client = await stack.enter_async_context(HostClient(fixed(url, key)))
        await client.connected()
        about = [PhoneInfo(f"VP{n:04}", f"dev_{n:016x}", "") for n in range(phones)]
        sessions = [Session(phone, spool, client, prompt="What is this?") for phone in about]
        fronts = [
            await stack.enter_async_context(Front(session, app_dir=device_scripts.app_folder())) for session in sessions
        ]
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = [group.create_task(session.run()) for session in sessions]

        async def code(phone: int) -> dict[str, Any]:  # ruff: ignore[unused-async]  # all verbs are
            return {"code": fronts[phone].new_link_code()}

        async def pages(phone: int) -> dict[str, Any]:  # ruff: ignore[unused-async]
            return {"pages": fronts[phone].pages}

        async def talk(phone: int, seconds: float, size: int) -> dict[str, Any]:
            """Say much to the pages of one phone."""
            for number in range(round(seconds / _EVERY_S)):
                sessions[phone].phone_state("up", str(number), "x" * size)
                await asyncio.sleep(_EVERY_S)
            return {}

        await serve_verbs({"urls": [front.url for front in fronts]}, code=code, pages=pages, talk=talk)
        for task in running:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
