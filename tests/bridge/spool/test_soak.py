"""A worker that captures and answers is killed again and again: nothing is lost, nothing is answered twice.

SIGKILL proves what happens when the process dies, not when the power goes. `SOAK` sets the number of kills.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.spool import Spool
from tests.support.spool_worker import DEVICE

ROUNDS = int(os.environ.get("SOAK", "3"))
PATIENCE = 30.0
BURST = 20


class Loop:
    """A phone that keeps taking pictures, and a worker that keeps dying."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.spool, self.phone, self.ledger = folder / "spool", folder / "phone", folder / "ledger"
        self.idle = folder / "idle"
        self.phone.mkdir()
        self.random = random.Random(seed)  # ruff: ignore[suspicious-non-cryptographic-random-usage]
        self.taken: list[str] = []

    def start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "tests.support.spool_worker",
            str(self.spool),
            str(self.phone),
            str(self.ledger),
        ]
        return subprocess.Popen(command, cwd=Path(__file__).parents[3])

    def shoot(self) -> None:
        name = f"IMG_{len(self.taken):05}.jpg"
        data = (
            b"the same picture" if self.random.random() < 0.1 else self.random.randbytes(self.random.randint(1, 60_000))
        )
        (self.phone / f".pending-{name}").write_bytes(data)
        (self.phone / f".pending-{name}").rename(self.phone / name)
        self.taken.append(name)

    def kill_in_the_middle(self) -> None:
        """Shoot a burst into the life of one worker, and end it at a random moment of its work."""
        before = self.written()
        with self.worker():
            for _ in range(self.random.randint(1, BURST)):
                self.shoot()
            wait_for(lambda: self.written() > before)
            end = time.monotonic() + self.random.uniform(0.0, 0.1)
            wait_for(lambda: time.monotonic() > end)

    def finish(self) -> None:
        """Let one live until nothing is left to do."""
        self.idle.unlink(missing_ok=True)
        with self.worker():
            wait_for(self.idle.exists)

    @contextmanager
    def worker(self) -> Generator[None]:
        """One life; it ends with SIGKILL whatever happens."""
        process = self.start()
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def written(self) -> int:
        """How much work is noted in the ledger."""
        return self.ledger.stat().st_size if self.ledger.exists() else 0


def wait_for(happened: object) -> None:
    assert callable(happened)
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.soak
def test_nothing_is_lost_and_nothing_is_answered_twice_when_the_worker_is_killed(tmp_path: Path) -> None:
    loop = Loop(tmp_path, seed=7)
    for _ in range(ROUNDS):
        loop.kill_in_the_middle()
    loop.finish()
    book = [line.split() for line in loop.ledger.read_text().splitlines()]
    assert "torn" not in {rest for _, _, rest in book}
    kept = [(name, rest) for what, name, rest in book if what == "kept"]
    assert max(Counter(name for name, rest in kept if rest[0] == "1").values()) == 1
    assert not [name for name, rest in kept if rest[1] == "1"], "a second answer was taken"
    with Spool(loop.spool) as spool:
        assert spool.pending(DEVICE) == []
    answers = rows(
        loop.spool, "SELECT name, COUNT(response_id) FROM captures LEFT JOIN answers USING (capture_id) GROUP BY 1"
    )
    assert dict(answers) == dict.fromkeys(loop.taken, 1)
    assert rows(loop.spool, "PRAGMA integrity_check") == [("ok",)]
    assert list((loop.spool / "incoming").iterdir()) == []
    assert {path.name for path in (loop.spool / "blobs").iterdir()} == {
        sha256 for (sha256,) in rows(loop.spool, "SELECT DISTINCT sha256 FROM captures")
    }


def rows(spool: Path, sql: str) -> list[tuple[Any, ...]]:
    raw = sqlite3.connect(spool / "journal.sqlite")
    try:
        return raw.execute(sql).fetchall()
    finally:
        raw.close()
