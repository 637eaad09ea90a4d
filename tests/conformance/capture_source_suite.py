"""What any `CaptureSource` must do. A test class derives from `CaptureSourceSuite`, or from the parts its source has.

It gives the fixtures `spool`, `source` and `happen`, which lets the source have another picture; for `LossChecks` also
`unplug`. `SOURCE` is what its captures say they are.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bridge.captures import Capture, CaptureSource
from bridge.errors import DeviceLost
from bridge.spool import Spool
from tests.support.watched import DEVICE

PATIENCE = 15.0
MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
Happen = Callable[[], Coroutine[Any, Any, None]]


class Checks:
    SOURCE: ClassVar[str]

    @pytest.fixture
    def spool(self, tmp_path: Path) -> Iterator[Spool]:
        with Spool(tmp_path / "spool") as opened:
            yield opened

    @pytest.fixture
    def incoming(self, tmp_path: Path) -> Path:
        """Where half-taken pictures lie."""
        return tmp_path / "spool" / "incoming"

    @asynccontextmanager
    async def open(self, source: CaptureSource) -> AsyncGenerator[AsyncGenerator[Capture, None]]:
        async with asyncio.timeout(PATIENCE), aclosing(source.captures()) as captures:
            yield captures


class GivingChecks(Checks):
    async def test_a_capture_is_safe_in_the_spool_before_it_is_given(
        self, source: CaptureSource, happen: Happen, spool: Spool
    ) -> None:
        async with self.open(source) as captures, asyncio.TaskGroup() as group:
            group.create_task(happen())
            capture = await anext(captures)
            data = spool.blob_path(capture.sha256).read_bytes()
            assert spool.capture(capture.capture_id) == capture
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (capture.sha256, capture.size)

    async def test_a_capture_says_what_it_is(self, source: CaptureSource, happen: Happen, spool: Spool) -> None:
        async with self.open(source) as captures, asyncio.TaskGroup() as group:
            group.create_task(happen())
            capture = await anext(captures)
            assert (capture.source, capture.device_id) == (self.SOURCE, DEVICE)
            assert spool.blob_path(capture.sha256).read_bytes().startswith(MAGIC[capture.media_type])
            assert capture.name.isprintable()
            assert "pull" in capture.timings_ms

    async def test_each_picture_is_an_event_of_its_own(self, source: CaptureSource, happen: Happen) -> None:
        async with self.open(source) as captures:
            first = await self.next(captures, happen)
            second = await self.next(captures, happen)
        assert first.capture_id != second.capture_id
        assert first.taken_at <= second.taken_at

    @staticmethod
    async def next(captures: AsyncGenerator[Capture, None], happen: Happen) -> Capture:
        async with asyncio.TaskGroup() as group:
            group.create_task(happen())
            return await anext(captures)


class LeavingChecks(Checks):
    async def test_leaving_it_leaves_nothing_behind(
        self, source: CaptureSource, happen: Happen, incoming: Path
    ) -> None:
        tasks = asyncio.all_tasks()
        async with self.open(source) as captures, asyncio.TaskGroup() as group:
            group.create_task(happen())
            await anext(captures)
        assert list(incoming.iterdir()) == []
        assert asyncio.all_tasks() == tasks

    async def test_it_can_be_ended_while_it_waits(self, source: CaptureSource, happen: Happen, incoming: Path) -> None:
        given = asyncio.Event()

        async def take_all() -> None:
            async with aclosing(source.captures()) as captures:
                async for _ in captures:
                    given.set()

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            taking = group.create_task(take_all())
            await happen()
            await given.wait()
            taking.cancel()
        assert taking.cancelled()
        assert list(incoming.iterdir()) == []


class LossChecks(Checks):
    async def test_a_phone_that_goes_ends_it(
        self, source: CaptureSource, happen: Happen, unplug: Happen, incoming: Path
    ) -> None:
        async with self.open(source) as captures:
            async with asyncio.TaskGroup() as group:
                group.create_task(happen())
                await anext(captures)
            await unplug()
            with pytest.raises(DeviceLost) as caught:
                async for _ in captures:
                    pass
        assert caught.value.hint
        assert list(incoming.iterdir()) == []


class CaptureSourceSuite(GivingChecks, LeavingChecks, LossChecks):
    """Everything, for a source that is a phone's."""
