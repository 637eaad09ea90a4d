"""kill -9 of the engine's process under load, through the real API: every accepted question has exactly one end.

The host lives through all of it: `/health/live` answers throughout, and once the engine is back its answers are right.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from host_server.core.restarts import Restarts
from host_server.engines import registry
from host_server.engines.options import EngineOptions
from host_server.engines.process.engine import ProcessEngine
from host_server.service import Care
from tests.soak.stage import long_only, progress
from tests.support.host_in_loop import Serving, serving
from tests.support.puppets import puppet
from tests.support.tiny_models import tiny_model
from tests.support.until import until

pytestmark = pytest.mark.soak

KILLS = min(int(os.environ.get("SOAK", "3")), 20)
CLIENTS = 8
LIVE_S = 1.0
WORDS = "one two three four five six seven eight"
EAGER = Care(restarts=lambda: Restarts(delays=(0.0,) * 1000))


@dataclass
class Books:
    """What happened to everybody who asked."""

    ends: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    slowest_live_s: float = 0.0
    looks: int = 0


async def _ask(host: Serving, question: dict[str, Any], books: Books, right: Callable[[str], bool]) -> None:
    """One question, streamed to its end; whatever ends it is told once, and what is whole is right."""
    async with host.client() as client:
        client.timeout = 60
        async with client.stream("POST", "/v1/responses", json=question | {"stream": True}) as answer:
            if answer.status_code != 200:
                error = json.loads(await answer.aread())["error"]
                assert error["retryable"], error
                books.refused[error["code"]] += 1
                return
            events = [json.loads(line[6:]) async for line in answer.aiter_lines() if line.startswith("data: {")]
    assert [event["sequence_number"] for event in events] == sorted({event["sequence_number"] for event in events})
    terminal = {"response.completed", "response.incomplete", "response.failed"}
    assert [event["type"] in terminal for event in events] == [False] * (len(events) - 1) + [True]
    response = events[-1]["response"]
    books.ends[response["status"]] += 1
    if response["status"] == "failed":
        assert (response["error"]["reason"], response["error"]["retryable"]) == ("engine_restarted", True)
        return
    said = "".join(part["text"] for item in response["output"] for part in item["content"])
    assert right(said), said


async def _look(host: Serving, books: Books) -> None:
    """Is it alive, all the time?"""
    async with host.client() as client:
        while True:
            began = time.monotonic()
            assert (await client.get("/health/live")).status_code == 200
            books.slowest_live_s = max(books.slowest_live_s, time.monotonic() - began)
            books.looks += 1
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _crowd(host: Serving, questions: list[dict[str, Any]], right: Callable[[str], bool]) -> AsyncGenerator[Books]:
    """Clients who ask one question after the other, and somebody who looks whether the host is alive."""
    books = Books()

    async def client(number: int) -> None:
        while True:
            await _ask(host, questions[number % len(questions)], books, right)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client(number)) for number in range(CLIENTS)]
        tasks.append(group.create_task(_look(host, books)))
        try:
            yield books
        finally:
            for task in tasks:
                task.cancel()


async def _killed_again_and_again(engine: ProcessEngine, host: Serving, books: Books, *, pause_s: float) -> None:
    dice = random.Random(0)  # ruff: ignore[suspicious-non-cryptographic-random-usage] moments, no secrets
    for _ in range(KILLS):
        done = books.ends["completed"] + books.ends["incomplete"]
        await until(lambda: books.ends["completed"] + books.ends["incomplete"] > done, seconds=90)  # ruff: ignore[function-uses-loop-variable] awaited here
        await asyncio.sleep(dice.uniform(0, pause_s))
        pid = engine.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: engine.pid not in {None, pid}, seconds=90)  # ruff: ignore[function-uses-loop-variable] awaited here
    await until(lambda: not host.service.reasons(), seconds=90)


def _judged(books: Books, host: Serving) -> None:
    live = f"/health/live {1000 * books.slowest_live_s:.0f} ms at worst of {books.looks}"
    progress(f"{KILLS} kills: {dict(books.ends)}, {live}\n", end=True)
    assert books.ends["failed"] <= CLIENTS * KILLS
    assert books.ends["failed"] >= 1
    assert not books.refused, "nobody is refused: restarts are eager, and questions wait"
    assert books.looks > 10
    assert books.slowest_live_s < LIVE_S
    assert host.service.busy == 0


async def test_a_quick_engine(tmp_path: Path) -> None:
    engine = puppet("100", lanes=4)
    async with serving(tmp_path, engine, care=EAGER, within_s=60 + 5 * KILLS) as host:
        question: dict[str, Any] = {"input": WORDS}
        async with _crowd(host, [question], lambda said: said == WORDS) as books:
            await _killed_again_and_again(engine, host, books, pause_s=0.1)
        await until(lambda: host.service.busy == 0)
        _judged(books, host)
        last = Books()
        await _ask(host, question, last, lambda said: said == WORDS)
        assert last.ends == {"completed": 1}


@long_only
async def test_a_model(tmp_path: Path) -> None:
    """Greedy answers of a real model: after each death they are what they were before."""
    pytest.importorskip("transformers", reason="the extra `gpu` is not installed")
    options = EngineOptions(device="cpu", threads=1, max_side=224, max_batch=4)
    engine = registry.create(f"transformers_vlm={tiny_model('glm4v')}", options)
    assert isinstance(engine, ProcessEngine)
    question: dict[str, Any] = {"input": WORDS, "temperature": 0, "max_output_tokens": 60, "metadata": {"cache": "off"}}
    async with serving(tmp_path, engine, care=EAGER, within_s=120 + 60 * KILLS) as host:
        told: list[str] = []
        await _ask(host, question, Books(), lambda said: not told.append(said))  # type: ignore[func-returns-value]
        async with _crowd(host, [question], lambda said: said == told[0]) as books:
            await _killed_again_and_again(engine, host, books, pause_s=0.3)
        await until(lambda: host.service.busy == 0)
        _judged(books, host)
        await _ask(host, question, Books(), lambda said: said == told[0])
