"""What uploads may take of the host: slots, disk, and nothing that belongs to somebody else."""

import asyncio
import hashlib
import resource
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from host_server.api.body import LARGE_EACH
from host_server.security.keys import KeyFile
from host_server.service import pictures as limits
from tests.support.host import RunningHost
from tests.support.host_in_loop import Serving
from tests.support.real_pictures import jpeg, noise
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until


def address(data: bytes) -> str:
    return f"/v1/captures/{hashlib.sha256(data).hexdigest()}"


@asynccontextmanager
async def key_client(served: Serving, name: str) -> AsyncGenerator[httpx.AsyncClient]:
    token = KeyFile(served.folder).new(name)
    async with served.client(authorization=f"Bearer {token}") as client:
        yield client


async def test_slow_uploads_are_few_and_leave_room_for_others(served: Serving) -> None:
    data = jpeg()
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield data[:100]
        await go_on.wait()
        yield data[100:]

    drafts = served.folder / "blobs" / ".drafts"
    async with AsyncExitStack() as stack:
        mine = await stack.enter_async_context(served.client())
        theirs = await stack.enter_async_context(key_client(served, "other"))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(mine.put(address(data), content=slowly())) for _ in range(limits._UPLOADS_EACH)]
        await until(lambda: len(list(drafts.iterdir())) == limits._UPLOADS_EACH)
        refused = await mine.put(address(data), content=data)
        other = await theirs.put(address(data), content=data)
        go_on.set()

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_inflight")
    assert refused.headers["retry-after"] == "1"
    assert other.status_code == 201
    assert {task.result().status_code for task in tasks} <= {200, 201}
    assert list(drafts.iterdir()) == []
    async with served.client() as client:
        assert (await client.put(address(data), content=data)).status_code == 200


async def test_large_questions_are_read_a_few_at_a_time(served: Serving, engine: ScriptedEngine) -> None:
    for _ in range(LARGE_EACH + 3):
        engine.finish()
    arriving = 0
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        nonlocal arriving
        yield b'{"x": "' + b"x" * 300_000
        arriving += 1
        await go_on.wait()
        yield b'", "input": "what?"}'

    async with AsyncExitStack() as stack:
        mine = await stack.enter_async_context(served.client())
        theirs = await stack.enter_async_context(key_client(served, "other"))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(mine.post("/v1/responses", content=slowly())) for _ in range(LARGE_EACH)]
        await until(lambda: arriving == LARGE_EACH)
        refused = await mine.post("/v1/responses", json={"input": "what?", "x": "x" * 300_000})
        small = await mine.post("/v1/responses", json={"input": "what?"})
        other = await theirs.post("/v1/responses", json={"input": "what?", "x": "x" * 300_000})
        go_on.set()

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_inflight")
    assert (small.status_code, other.status_code) == (200, 200)
    assert {task.result().status_code for task in tasks} == {200}
    async with served.client() as client:
        again = await client.post("/v1/responses", json={"input": "what?", "x": "x" * 300_000})
        assert again.status_code == 200


async def test_many_uploads_together_take_no_more_than_the_quota(served: Serving) -> None:
    store = served.service.pictures._store
    store._quota = 3_000_000
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield bytes(1024 * 1024)
        await go_on.wait()

    async with served.client() as client, asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.put(address(b"x"), content=slowly())) for _ in range(2)]
        await until(lambda: store.arriving == 2 * 1024 * 1024)
        refused = [await client.put(address(b"x"), content=bytes(1024 * 1024)) for _ in range(3)]
        assert store.arriving == 2 * 1024 * 1024
        go_on.set()

    assert [answer.json()["error"]["code"] for answer in refused] == ["storage_full"] * 3
    assert [task.result().json()["error"]["code"] for task in tasks] == ["hash_mismatch"] * 2
    assert (store.arriving, store.total) == (0, 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a running process is limited by prlimit")
def test_a_full_disk_is_told_and_gets_over(own_host: RunningHost) -> None:
    large, small = noise(1500, 1500), jpeg()
    drafts = own_host.log.parent / "blobs" / ".drafts"
    with httpx.Client(base_url=own_host.url, headers=own_host.headers, timeout=20, trust_env=False) as client:
        before = resource.prlimit(own_host.process.pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        refused = client.put(address(large), content=large)
        fits = client.put(address(small), content=small)
        left = list(drafts.iterdir())
        resource.prlimit(own_host.process.pid, resource.RLIMIT_FSIZE, before)
        again = client.put(address(large), content=large)

    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
    assert (fits.status_code, again.status_code) == (201, 201)
    assert left == []
    assert "Traceback" not in own_host.log.read_text(encoding="utf-8")


async def test_nobody_deletes_or_reads_what_belongs_to_somebody_else(served: Serving, engine: ScriptedEngine) -> None:
    data = jpeg()
    engine.finish("mine")
    async with served.client() as mine, key_client(served, "other") as theirs:
        for client in (mine, theirs):
            assert (await client.put(address(data), content=data)).status_code == 201
        answer = (await mine.post("/v1/responses", json={"input": "what?"})).json()
        place = f"/v1/responses/{answer['id']}"
        strangers = [
            await theirs.get(place),
            await theirs.get(f"{place}?stream=true"),
            await theirs.post(f"{place}/cancel"),
            await theirs.delete(place),
            await theirs.post("/v1/responses", json={"input": "and?", "previous_response_id": answer["id"]}),
        ]
        assert (await theirs.delete(address(data))).status_code == 200
        assert (await theirs.delete(address(data))).status_code == 404
        assert (await mine.get(address(data))).status_code == 200
        assert (await mine.get(place)).json() == answer
        assert (await mine.delete(place)).json() == {"id": answer["id"], "object": "response", "deleted": True}
        assert (await mine.get(place)).status_code == 404
        assert (await mine.delete(address(data))).status_code == 200

    assert [answer.status_code for answer in strangers] == [404, 404, 404, 404, 400]
    assert list((served.folder / "blobs" / "admin").iterdir()) == []
