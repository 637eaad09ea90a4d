"""A worker: what the bridge has between a page and the host, without a phone: front, session core, host client.

usage: python -m tools.bench.front FOLDER HOST-URL KEY
"""

import asyncio
import sys
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


async def main(folder: Path, url: str, key: str) -> None:
    """Serve until stdin ends."""
    with Spool(folder / "spool") as spool:
        async with HostClient(fixed(url, key)) as client:
            await client.connected()
            session = Session(PhoneInfo("VP0001", "dev_0123456789abcdef", ""), spool, client, prompt="What is this?")
            async with Front(session, app_dir=device_scripts.app_folder()) as front, asyncio.TaskGroup() as group:
                running = group.create_task(session.run())

                async def code() -> dict[str, Any]:  # ruff: ignore[unused-async]  # all verbs are
                    return {"code": front.new_link_code()}

                await serve_verbs({"url": front.url}, code=code)
                running.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
