"""Pictures come in whole, are what their name says, and belong to who sent them."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator

import pytest

from host_server import imaging
from host_server.security.keys import KeyFile
from tests.support.host_in_loop import Serving
from tests.support.real_pictures import jpeg, noise, png
from tests.support.scripted_engine import ScriptedEngine

PICTURE = jpeg()
SHA256 = hashlib.sha256(PICTURE).hexdigest()
ADDRESS = f"/v1/captures/{SHA256}"


async def test_a_picture_goes_in_and_comes_out(served: Serving) -> None:
    async with served.client() as client:
        assert (await client.head(ADDRESS)).status_code == 404
        put = await client.put(ADDRESS, content=PICTURE)
        again = await client.put(ADDRESS, content=PICTURE)
        head = await client.head(ADDRESS)
        got = await client.get(ADDRESS)

    assert (put.status_code, again.status_code, head.status_code) == (201, 200, 200)
    assert put.json() == {
        "id": f"cap_{SHA256}",
        "object": "capture",
        "sha256": SHA256,
        "bytes": len(PICTURE),
        "media_type": "image/jpeg",
        "width": 64,
        "height": 48,
    }
    assert head.headers["content-length"] == str(len(PICTURE))
    assert (got.content, got.headers["content-type"]) == (PICTURE, "image/jpeg")
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_a_deleted_picture_is_gone(served: Serving) -> None:
    async with served.client() as client:
        await client.put(ADDRESS, content=PICTURE)
        deleted = await client.delete(ADDRESS)
        again = await client.delete(ADDRESS)
        got = await client.get(ADDRESS)

    assert deleted.json()["deleted"] is True
    assert [answer.status_code for answer in (again, got)] == [404, 404]
    assert got.json()["error"]["code"] == "capture_not_found"


def _named(data: bytes) -> str:
    return f"/v1/captures/{hashlib.sha256(data).hexdigest()}"


@pytest.mark.parametrize(
    ("address", "data", "code", "status"),
    [
        (ADDRESS, png(), "hash_mismatch", 400),
        (ADDRESS, b"", "hash_mismatch", 400),
        (_named(b"no picture"), b"no picture", "image_format", 400),
        (_named(PICTURE[:30]), PICTURE[:30], "image_decode", 400),
        (_named(b""), b"", "image_format", 400),
        ("/v1/captures/" + SHA256.upper(), PICTURE, "invalid_request", 400),
        ("/v1/captures/..%2f..%2fetc", PICTURE, "not_found", 404),
        ("/v1/captures/short", PICTURE, "invalid_request", 400),
    ],
    ids=str,
)
async def test_what_is_not_the_picture_it_is_called_is_refused(
    served: Serving, address: str, data: bytes, code: str, status: int
) -> None:
    async with served.client() as client:
        answer = await client.put(address, content=data)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert served.service.pictures.size("admin", SHA256) is None
    assert not list((served.folder / "blobs" / ".drafts").iterdir())


async def test_a_picture_announced_too_large_is_refused_before_it_is_sent(served: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    lines = [
        f"PUT {ADDRESS} HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {served.token}",
        f"content-length: {imaging.MAX_BYTES + 1}",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(5):
        status = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert b" 413 " in status


async def test_a_picture_that_turns_out_too_large_is_refused_while_it_comes(served: Serving) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            await asyncio.sleep(0)
            yield bytes(1024 * 1024)

    async with served.client() as client:
        answer = await client.put(ADDRESS, content=endless())

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "image_too_large")
    assert not list((served.folder / "blobs" / ".drafts").iterdir())


async def test_a_picture_of_several_buffers_arrives_whole(served: Serving) -> None:
    large = noise(2000, 1500)
    assert len(large) > 2 * 1024 * 1024
    async with served.client() as client:
        put = await client.put(_named(large), content=large)
        got = await client.get(_named(large))

    assert put.status_code == 201
    assert got.content == large


async def test_a_picture_that_finds_no_room_says_so(served: Serving) -> None:
    served.service.pictures._store._quota = 1_000_000
    large = noise(2000, 1500)
    async with served.client() as client:
        answer = await client.put(_named(large), content=large)

    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert answer.headers["x-should-retry"] == "false"


async def test_nobody_sees_the_pictures_of_somebody_else(served: Serving) -> None:
    token = KeyFile(served.folder).new("other")
    async with served.client() as mine, served.client(authorization=f"Bearer {token}") as theirs:
        await mine.put(ADDRESS, content=PICTURE)
        assert (await theirs.head(ADDRESS)).status_code == 404
        assert (await theirs.get(ADDRESS)).status_code == 404
        question = [{"role": "user", "content": [{"type": "input_image", "file_id": f"cap_{SHA256}"}]}]
        refused = await theirs.post("/v1/responses", json={"input": question})
        assert (await theirs.put(ADDRESS, content=PICTURE)).status_code == 201

    assert refused.json()["error"]["code"] == "capture_not_found"


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ({"file_id": "cap_" + "0" * 64}, "capture_not_found"),
        ({"file_id": "file-123"}, "capture_not_found"),
        ({"image_url": "https://evil.example/x.png"}, "url_not_allowed"),
        ({"image_url": "file:///etc/passwd"}, "url_not_allowed"),
        ({"image_url": "data:image/png;base64"}, "url_not_allowed"),
        ({"image_url": "data:text/html;base64,AAAA"}, "image_format"),
        ({"image_url": "data:image/png,AAAA"}, "image_format"),
        ({"image_url": "data:image/png;base64,A*AA"}, "invalid_base64_image"),
        ({"image_url": "data:image/png;base64,AAAA"}, "image_format"),
        ({"image_url": "data:image/png;base64," + base64.b64encode(png()[:40]).decode()}, "image_decode"),
        ({"image_url": "data:image/png;base64," + "ä"}, "invalid_base64_image"),
    ],
    ids=str,
)
async def test_a_question_about_no_picture_is_refused(served: Serving, image: dict[str, str], code: str) -> None:
    question = [{"role": "user", "content": [{"type": "input_image", **image}]}]
    async with served.client() as client:
        answer = await client.post("/v1/responses", json={"input": question})

    assert answer.json()["error"]["code"] == code


async def test_a_picture_may_come_inside_the_question(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("a teal picture")
    url = "data:image/jpeg;base64," + base64.b64encode(PICTURE).decode()
    question = [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]
    async with served.client() as client:
        answer = await client.post("/v1/responses", json={"input": question})

    assert answer.json()["status"] == "completed"
    (picture,) = engine.questions[0].pictures
    assert (picture.sha256, picture.original_width) == (SHA256, 64)


async def test_a_picture_in_use_is_not_deleted(served: Serving, engine: ScriptedEngine) -> None:
    question = [{"role": "user", "content": [{"type": "input_image", "file_id": f"cap_{SHA256}"}]}]
    async with served.client() as client:
        await client.put(ADDRESS, content=PICTURE)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(client.post("/v1/responses", json={"input": question}))
            await engine.asked()
            refused = await client.delete(ADDRESS)
            engine.finish("seen")

    assert (refused.status_code, refused.headers["x-should-retry"]) == (409, "true")
    assert asking.result().json()["status"] == "completed"


async def test_a_host_that_is_about_to_end_takes_no_picture(served: Serving) -> None:
    served.service.drain()
    async with served.client() as client:
        answer = await client.put(ADDRESS, content=PICTURE)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "server_draining")
