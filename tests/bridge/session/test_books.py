"""What happened is written down and told, in order, also when the journal cannot be written for a while."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.session.books import Books
from bridge.session.commands import Observe, Record
from bridge.session.report import Reporter
from bridge.spool import Spool
from bridge.spool import journal as journal_module
from tests.support.bridge import take_picture
from tests.support.session import PHONE
from tests.support.until import until


def record(capture_id: str, text: str = "text") -> Record:
    return Record(capture_id, "q", "resp_1", "completed", text)


@asynccontextmanager
async def keeping(books: Books) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        work = group.create_task(books.keep())
        try:
            yield
        finally:
            work.cancel()


class Locked:
    """Another process holds the journal's write lock."""

    def __init__(self, folder: Path) -> None:
        self._other = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    def free(self) -> None:
        self._other.execute("ROLLBACK")
        self._other.close()


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setattr(journal_module, "_BUSY_S", 0.02)
    return Spool(tmp_path)


async def test_an_answer_that_cannot_be_written_is_told_once_and_written_later(tmp_path: Path, spool: Spool) -> None:
    told: list[dict[str, Any]] = []
    first, second = take_picture(spool, "a.jpg"), take_picture(spool, "b.jpg")
    books = Books(spool, Reporter(PHONE), told.append, retry_s=0.02)
    lock = Locked(tmp_path)
    async with keeping(books):
        books.enter(record(first.capture_id))
        await until(lambda: told)
        books.enter(record(second.capture_id))
        books.enter(Observe({"event": "answer"}))
        await until(lambda: told[-1]["event"] == "answer")
        lock.free()
        await until(lambda: spool.answers(second.capture_id))

    assert [event["event"] for event in told] == ["error", "answer"]
    assert (told[0]["code"], told[0]["final"]) == ("storage_full", False)
    assert "cannot be written down" in told[0]["message"]
    assert told[0]["hint"]
    assert len(spool.answers(first.capture_id)) == 1
    spool.close()


async def test_the_next_trouble_is_told_again(tmp_path: Path, spool: Spool) -> None:
    told: list[dict[str, Any]] = []
    captures = [take_picture(spool, f"{n}.jpg") for n in range(2)]
    books = Books(spool, Reporter(PHONE), told.append, retry_s=0.02)
    async with keeping(books):
        for count, capture in enumerate(captures, 1):
            lock = Locked(tmp_path)
            books.enter(record(capture.capture_id))
            await until(lambda count=count: len(told) == count)  # type: ignore[misc]
            lock.free()
            await until(lambda capture=capture: spool.answers(capture.capture_id))  # type: ignore[misc]
    spool.close()


def test_what_is_left_at_the_end_is_written_and_told(spool: Spool) -> None:
    told: list[dict[str, Any]] = []
    capture = take_picture(spool, "a.jpg")
    books = Books(spool, Reporter(PHONE), told.append)
    books.enter(record(capture.capture_id))
    books.enter(Observe({"event": "answer"}))
    books.close()

    assert [event["event"] for event in told] == ["answer"]
    assert len(spool.answers(capture.capture_id)) == 1
    spool.close()


def test_what_cannot_be_written_even_then_is_told(tmp_path: Path, spool: Spool) -> None:
    told: list[dict[str, Any]] = []
    capture = take_picture(spool, "a.jpg")
    books = Books(spool, Reporter(PHONE), told.append)
    lock = Locked(tmp_path)
    books.enter(record(capture.capture_id))
    books.close()
    lock.free()

    assert [event["code"] for event in told] == ["storage_full"]
    assert spool.pending(PHONE.device_id) == [capture], "it is asked about again at the next start"
    spool.close()
