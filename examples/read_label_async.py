"""The same for several phones at once: each takes a photo of its label and is asked about it.

Run it with the serials: `python examples/read_label_async.py SERIAL [SERIAL …]`
"""

import asyncio
import sys

from bridge import connect_async
from bridge.errors import BridgeError

QUESTION = "Read all the text on this label."


async def read(serial: str) -> None:
    """One phone: a photo, and the answer as it comes."""
    async with connect_async(serial) as phone:
        label = await phone.capture("camera")
        stream = phone.stream(label, QUESTION)
        async for piece in stream:
            print(f"{serial}: {piece}")
        print(f"{serial}: {stream.answer.status} in {stream.answer.timings_ms['total']:.0f} ms")


async def main(serials: list[str]) -> int:
    """All of them side by side; one that fails does not stop the others."""
    if not serials:
        print("which phones? `bridge devices` shows their serials", file=sys.stderr)
        return 2
    ends = await asyncio.gather(*(read(serial) for serial in serials), return_exceptions=True)
    failed = [(serial, end) for serial, end in zip(serials, ends, strict=True) if isinstance(end, BridgeError)]
    for serial, error in failed:
        print(f"{serial}: {error.message}; {error.hint}", file=sys.stderr)
    return max((error.exit_code for _, error in failed), default=0)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
