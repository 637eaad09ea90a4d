"""What the kill loops play on: a virtual phone under a real adb server, the real `bridge connect`, the host it starts.

```
 phone (in this process) ◄─► adb server ◄─► bridge connect, life after life ◄─► host, life after life
   └─ page, outlives them all                 └─ stdout: what the terminal saw     └─ host.log: what it accepted
```
Any of them may be killed at any moment; `tests/soak/ledger.py` judges what is left. Everything random comes from one
seed, and the clock of a kill is counted from something that happened, so a failing seed can be played again.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from host_server.wire.discovery import HostRecord, read_host_record
from tests.soak.page import Page
from tests.support.adb_server import PrivateAdbServer
from tests.support.command import BRIDGE
from tests.support.until import until
from virtual_phone import VirtualPhone

__all__ = ["FEWER_ROUNDS", "PROMPT", "ROUNDS", "Life", "Stage", "long_only", "progress", "stage"]

ROUNDS = int(os.environ.get("SOAK", "3"))
long_only = pytest.mark.skipif(
    "SOAK" not in os.environ, reason="a loop of `make soak`; a short one has each kind of end"
)
FEWER_ROUNDS = max(2, ROUNDS * 3 // 10)
"""For what takes longer to be up again than a bridge: 30 where the bridge is killed 100 times."""
PROMPT = "Which words stand in this picture and what do they mean"
RATE = 60  # words a second: an answer takes a quarter of a second, so that kills fall into it
PATIENCE_S = 45.0


@dataclass
class Life:
    """One `bridge connect` from its start to its end, and the JSON Lines it wrote."""

    process: asyncio.subprocess.Process
    events: list[dict[str, Any]] = field(default_factory=list)
    torn: bytes = b""

    async def read(self) -> None:
        """Take in what it writes; only the last line may be torn, by a kill."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            assert not self.torn, f"a torn line in the middle: {self.torn!r}"
            if line.endswith(b"\n"):
                self.events.append(json.loads(line))
            else:
                self.torn = line

    def said(self, event: str, **fields: Any) -> bool:
        """Whether there was an event of this kind with these fields."""
        return any(e["event"] == event and fields.items() <= e.items() for e in self.events)


class Stage:
    """The phone, the processes and the ways to end them."""

    def __init__(self, adb: PrivateAdbServer, phone: VirtualPhone, folder: Path, *, seed: int, rate: int) -> None:
        self.adb, self.phone, self.seed = adb, phone, seed
        self.state = folder / "state"
        self.page = Page(phone)
        self.random = random.Random(seed)  # ruff: ignore[suspicious-non-cryptographic-random-usage] - to be repeated
        self.pictures: dict[str, tuple[int, int]] = {}
        self.lives: list[Life] = []
        self.host_kills = 0
        self._photos = folder / "photos"
        self._stderr = folder / "bridge.err"
        self._options: tuple[str, ...] = ()
        self.env: Mapping[str, str] = adb.env | {
            "ADB": adb.adb,
            "BRIDGE_STATE_DIR": str(self.state),
            "BRIDGE_ENGINE": json.dumps([f"echo={rate}"]),
            "BRIDGE_PROMPT": PROMPT,
        }

    # ---------------------------------------------------------------------------------------- the phone

    async def shoot(self) -> str:
        """Take a picture of a size of its own, now and then the same as before; gives its name on the phone."""
        known = sorted(set(self.pictures.values()))
        again = known and self.random.random() < 0.1
        size = self.random.choice(known) if again else (self.random.randint(16, 400), self.random.randint(16, 400))
        photo = self._photos / f"{size[0]}x{size[1]}.png"
        if not photo.exists():
            Image.new("RGB", size, "white").save(photo)
        name = (await self.phone.press_shutter(photo)).rpartition("/")[2]
        self.pictures[name] = size
        return name

    async def shoot_for(self, seconds: float) -> None:
        """Take pictures, some in bursts, until the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await asyncio.sleep(self.random.choice((0.02, 0.1, 0.3)))
                    await asyncio.shield(self.shoot())

    @staticmethod
    def text(size: tuple[int, int]) -> str:
        """What an uncut run answers about a picture of this size."""
        return f"{PROMPT} [picture {size[0]}x{size[1]}]"

    # ---------------------------------------------------------------------------------------- the bridge

    @property
    def life(self) -> Life:
        """The bridge that runs now."""
        return self.lives[-1]

    async def start_bridge(self, *more: str) -> Life:
        """Start `bridge connect`; `up` waits for it."""
        with self._stderr.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                BRIDGE,
                "connect",
                self.phone.address,
                "--json",
                *more,
                env=dict(self.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=1 << 22,
            )
        self.lives.append(Life(process))
        self._readers.create_task(self.life.read())
        return self.life

    async def up(self) -> None:
        """Wait until the phone of the running bridge is up."""
        process = self.life.process
        await self.until(lambda: self.life.said("device", state="up") or process.returncode is not None, "a phone")
        assert process.returncode is None, f"seed {self.seed}: the bridge ended\n{self.last_words()}"

    async def kill_bridge(self) -> None:
        """SIGKILL."""
        await self.end_bridge(signal.SIGKILL)

    async def end_bridge(self, number: signal.Signals, within: float = 20.0) -> int:
        """Signal the bridge and wait for its end; gives its exit status."""
        process = self.life.process
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        async with asyncio.timeout(within):
            return await process.wait()

    async def first_look(self) -> None:
        """What is there before the first connect ever is not sent, so the first life lives until it has looked."""
        await self.start_bridge()
        await self.up()
        await self.shoot()
        await self.all_answered()

    async def all_answered(self, seconds: float = 60.0) -> None:
        """Wait until an answer about every picture is journalled; a life may end before it tells the terminal."""
        await self.until(lambda: self._answered() >= len(self.pictures), "all answers", seconds + len(self.pictures))

    def _answered(self) -> int:
        try:
            with closing(sqlite3.connect(f"file:{self.state}/spool/journal.sqlite?mode=ro", uri=True)) as journal:
                ((count,),) = journal.execute("SELECT COUNT(*) FROM captures WHERE state='answered'")
        except sqlite3.OperationalError:  # not there yet
            return 0
        return int(count)

    # ---------------------------------------------------------------------------------------- the host

    @property
    def host(self) -> HostRecord | None:
        """The host as it says where it listens; None while there is none."""
        record = read_host_record(self.state)
        return record if record is not None and _runs(record.pid) else None

    def kill_host(self) -> None:
        """SIGKILL, if one runs."""
        if (record := self.host) is not None:
            os.kill(record.pid, signal.SIGKILL)
            self.host_kills += 1

    async def end_host(self, within: float = 35.0) -> None:
        """SIGTERM, and wait for its end."""
        if (record := self.host) is not None:
            os.kill(record.pid, signal.SIGTERM)
            await until(lambda: not _runs(record.pid), seconds=within)

    # ---------------------------------------------------------------------------------------- waiting

    async def until(self, true: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
        """Wait for something; a failure says what the bridge said last."""
        try:
            await until(true, seconds=seconds)
        except TimeoutError:
            raise AssertionError(f"seed {self.seed}: waited in vain for {what}\n{self.last_words()}") from None

    def last_words(self) -> str:
        """The end of everything that was said."""
        events = "\n".join(json.dumps(event) for event in self.life.events[-8:]) if self.lives else ""
        stderr = self._stderr.read_text(encoding="utf-8", errors="replace")[-2000:] if self._stderr.exists() else ""
        told = {e["name"]: e["state"] for life in self.lives for e in life.events if e["event"] == "capture"}
        missing = sorted(self.pictures.keys() - told.keys())
        return f"-- never told of: {missing}\n-- told last: {told}\n-- terminal:\n{events}\n-- stderr:\n{stderr}"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Inside the block bridges may be started; at its end none is left, nor a host."""
        self._photos.mkdir(parents=True)
        self.phone.on_open_url = self.page.open
        async with asyncio.TaskGroup() as self._readers:
            try:
                yield
            finally:
                for life in self.lives:
                    if life.process.returncode is None:
                        life.process.kill()
                        await life.process.wait()
                await self.end_host()


@contextlib.asynccontextmanager
async def stage(adb: PrivateAdbServer, folder: Path, *, seed: int, rate: int = RATE) -> AsyncGenerator[Stage]:
    """Set it up, with nothing started on the laptop yet."""
    photos = folder / "none"
    photos.mkdir()
    async with VirtualPhone(photos, capture_pause=0.01) as phone:
        await adb.connect(phone.address)
        play = Stage(adb, phone, folder, seed=seed, rate=rate)
        async with play.open():
            yield play


def progress(text: str, *, end: bool = False) -> None:
    """How far it is: a line that replaces itself on a terminal. The last one, `end`, is written anywhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
    elif end:
        sys.stderr.write(text)
    if end:
        sys.stderr.write("\n")
    sys.stderr.flush()


def _runs(pid: int) -> bool:
    """Whether this process lives; a host whose bridge was killed is init's child, one of ours may be a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
