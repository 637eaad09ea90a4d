"""The pictures of one phone: brought by its page, shown to it, deleted by it, and nobody else's."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bridge.client import HostClient, fixed
from bridge.client.tls import trusted
from bridge.front import Front
from bridge.front.pictures import MAX_AT_ONCE
from bridge.session import PhoneInfo, Session
from bridge.spool import MAX_PICTURE_BYTES, Spool
from tests.support.bridge import PHONE, Bench, Page, jpeg, receive
from tests.support.host import RunningHost
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEIGHBOUR = PhoneInfo("VP0002", "dev_fedcba9876543210", "Pixel 9")


def named(data: bytes) -> tuple[str, str]:
    """A picture's hash, and its address."""
    sha256 = hashlib.sha256(data).hexdigest()
    return sha256, f"/v1/captures/{sha256}"


@asynccontextmanager
async def neighbour_of(desk: Bench, app_dir: Path) -> AsyncGenerator[tuple[Page, Session]]:
    """Another phone of the same bridge: the same spool, the same host, the same key there."""
    session = Session(NEIGHBOUR, desk.spool, desk.client, prompt="What?")
    async with Front(session, app_dir=app_dir) as front, asyncio.TaskGroup() as group:
        running = group.create_task(session.run())
        page = Page(front)
        await page.link()
        try:
            yield page, session
        finally:
            running.cancel()


async def ask_about(page: Page, sha256: str, text: str = "what is it") -> httpx.Response:
    content = [{"type": "input_image", "file_id": f"cap_{sha256}"}, {"type": "input_text", "text": text}]
    return await page.http("POST", "/v1/responses", json={"input": [{"role": "user", "content": content}]})


def question(sha256: str, event_id: str, text: str = "what is it") -> str:
    content = [{"type": "input_image", "file_id": f"cap_{sha256}"}, {"type": "input_text", "text": text}]
    create = {"type": "response.create", "event_id": event_id, "input": [{"role": "user", "content": content}]}
    return json.dumps(create)


class TestBrought:
    async def test_it_is_journalled_told_and_answered_once(self, page: Page, desk: Bench) -> None:
        data = jpeg("navy")
        sha256, where = named(data)
        async with page.socket() as socket:
            await receive(socket, "bridge:session.ready")
            capture_id = (await page.http("PUT", where, content=data)).json()["capture_id"]
            (told,) = await receive(socket, "bridge:capture", capture_id=capture_id)
            await socket.send(question(sha256, "e-navy"))
            seen = await receive(socket, "response.completed")
            await socket.send(question(sha256, "e-navy"))  # what a page does after a cut
            await desk.until("answer", capture_id=capture_id)

        assert (told["source"], told["state"], told["sha256"]) == ("page", "pulled", sha256)
        (asked,) = [event for event in seen if event["type"] == "bridge:question"]
        assert asked["capture_id"] == capture_id
        await until(lambda: len(desk.spool.answers(capture_id)) == 1)

    async def test_sent_again_before_it_was_asked_about_it_is_the_same_capture(self, page: Page) -> None:
        data = jpeg("teal")
        _, where = named(data)
        first, second = [(await page.http("PUT", where, content=data)).json()["capture_id"] for _ in range(2)]

        assert first == second

    async def test_the_same_picture_after_its_answer_is_another_capture(self, page: Page, desk: Bench) -> None:
        data = jpeg("olive")
        _, where = named(data)
        first = (await page.http("PUT", where, content=data)).json()["capture_id"]
        desk.spool.record_answer(first, "q", "resp_1", "completed", "x")
        second = (await page.http("PUT", where, content=data)).json()["capture_id"]

        assert first != second

    async def test_after_a_restart_nobody_asks_about_it_but_the_page(self, page: Page, desk: Bench) -> None:
        data = jpeg("plum")
        _, where = named(data)
        made = (await page.http("PUT", where, content=data)).json()["capture_id"]

        assert made not in [capture.capture_id for capture in desk.spool.pending(PHONE.device_id)]

    @pytest.mark.parametrize(
        ("data", "name", "status", "code"),
        [
            (b"no picture", None, 400, "image_format"),
            (b"", None, 400, "image_format"),
            (jpeg("lime"), "ab" * 32, 400, "hash_mismatch"),
            (jpeg("lime"), "nope", 404, "not_found"),
            (b"\xff\xd8\xff" + bytes(MAX_PICTURE_BYTES), None, 413, "image_too_large"),
        ],
    )
    async def test_what_is_no_picture_leaves_nothing_behind(
        self, page: Page, desk: Bench, data: bytes, name: str | None, status: int, code: str
    ) -> None:
        sha256 = name or named(data)[0]
        answer = await page.http("PUT", f"/v1/captures/{sha256}", content=data)

        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert desk.spool.find(PHONE.device_id, sha256) is None
        assert list(desk.spool.incoming().parent.iterdir()) == []

    async def test_one_that_does_not_say_its_size_is_cut_at_the_limit(self, page: Page, desk: Bench) -> None:
        async def endless() -> AsyncIterator[bytes]:
            for _ in range(MAX_PICTURE_BYTES // 1_000_000 + 2):
                yield bytes(1_000_000)

        answer = await page.http("PUT", named(b"x")[1], content=endless())

        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "image_too_large")
        assert list(desk.spool.incoming().parent.iterdir()) == []

    async def test_only_so_many_arrive_at_a_time(self, page: Page, desk: Bench) -> None:
        data = jpeg("pink")
        _, where = named(data)
        go = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield data[:10]
            await go.wait()
            yield data[10:]

        async with asyncio.TaskGroup() as group:
            slow = [group.create_task(page.http("PUT", where, content=slowly())) for _ in range(MAX_AT_ONCE)]
            await until(lambda: len(list(desk.spool.incoming().parent.iterdir())) == MAX_AT_ONCE)
            refused = await page.http("PUT", where, content=data)
            go.set()

        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_inflight")
        assert [one.result().status_code for one in slow] == [201] * MAX_AT_ONCE


class TestOwn:
    async def test_a_hash_opens_no_other_phones_picture(self, page: Page, desk: Bench, app_dir: Path) -> None:
        data = jpeg("gold")
        sha256, where = named(data)
        async with neighbour_of(desk, app_dir) as (stranger, _):
            await stranger.http("PUT", where, content=data)
            assert (await ask_about(stranger, sha256)).status_code == 200  # so the host has it, under the shared key

            for method in ("GET", "HEAD", "DELETE"):
                assert (await page.http(method, where)).status_code == 404
            assert (await ask_about(page, sha256)).json()["error"]["code"] == "capture_not_found"
            async with page.socket() as socket:
                await socket.send(question(sha256, "e-gold"))
                (*_, error) = await receive(socket, "error")
            assert (await stranger.http("GET", where)).content == data

        assert error["error"]["code"] == "capture_not_found"

    @pytest.mark.parametrize(
        "body",
        [
            '{"input":[{"role":"user","content":[{"type":"input_image","file_id":"\\u0063ap_HASH"}]}]}',
            '{"x":{"y":["cap_HASH"]},"input":"hi"}',
        ],
    )
    async def test_however_it_is_written(self, page: Page, body: str) -> None:
        answer = await page.http("POST", "/v1/responses", content=body.replace("HASH", "cd" * 32).encode())

        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "capture_not_found")

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"'])
    async def test_a_body_that_is_no_question_goes_nowhere(self, page: Page, body: bytes) -> None:
        assert (await page.http("POST", "/v1/responses", content=body)).status_code == 400

    async def test_an_answer_is_read_by_the_phone_that_asked_alone(
        self, page: Page, desk: Bench, app_dir: Path
    ) -> None:
        async with neighbour_of(desk, app_dir) as (stranger, _):
            asked = await stranger.http("POST", "/v1/responses", json={"input": "hi"})
            streamed = await stranger.http("POST", "/v1/responses", json={"input": "hi", "stream": True})
            assert streamed.status_code == 200
            name = asked.json()["id"]

            assert (await stranger.http("GET", f"/v1/responses/{name}")).json()["id"] == name
            assert (await page.http("GET", f"/v1/responses/{name}")).status_code == 404
            assert (await page.http("POST", f"/v1/responses/{name}/cancel")).status_code == 404
            again = await page.http("POST", "/v1/responses", json={"input": "and?", "previous_response_id": name})
            assert again.json()["error"]["code"] == "response_not_found"
            assert (await stranger.http("POST", f"/v1/responses/{name}/cancel")).status_code == 200

    async def test_an_answer_of_the_session_is_this_phones(self, page: Page, desk: Bench) -> None:
        capture = desk.take(data=jpeg("cyan"))
        desk.session.submit(capture)
        name = (await desk.until("answer", capture_id=capture.capture_id))["response_id"]

        assert (await page.http("GET", f"/v1/responses/{name}")).json()["id"] == name


class TestDeleted:
    async def test_it_is_gone_everywhere_and_every_viewer_knows(
        self, page: Page, desk: Bench, host: RunningHost
    ) -> None:
        capture = desk.take(data=jpeg("maroon"))
        desk.session.submit(capture, prompt="read the secret word maroon")
        answered = await desk.until("answer", capture_id=capture.capture_id)
        name, where = answered["response_id"], named(jpeg("maroon"))[1]
        async with page.socket() as socket:
            await receive(socket, "bridge:session.ready")
            answer = await page.http("DELETE", where)
            (*_, told) = await receive(socket, "bridge:deleted")
        async with page.socket() as socket:
            (ready,) = await receive(socket, "bridge:session.ready")

        assert (answer.status_code, answer.json()["deleted"], answer.json()["host"]) == (200, True, "deleted")
        assert (told["sha256"], told["captures"]) == (capture.sha256, [capture.capture_id])
        assert name not in ready["answers"]
        assert (await page.http("GET", where)).status_code == 404
        assert desk.spool.capture(capture.capture_id) is None
        assert not desk.spool.blob_path(capture.sha256).exists()
        assert await at_host(host, where) == await at_host(host, f"/v1/responses/{name}") == 404

    async def test_answers_that_went_past_the_session_go_too(self, page: Page, desk: Bench, host: RunningHost) -> None:
        async def asked(**question: object) -> str:
            return str((await page.http("POST", "/v1/responses", json=question)).json()["id"])

        capture = desk.take(data=jpeg("orchid"))
        desk.session.submit(capture)
        of_session = (await desk.until("answer", capture_id=capture.capture_id))["response_id"]
        first = (await ask_about(page, capture.sha256)).json()["id"]
        names = [of_session, first, await asked(input="and?", previous_response_id=first)]
        names.append(await asked(input="and?", previous_response_id=of_session))
        other = await asked(input="hello")
        await page.http("DELETE", named(jpeg("orchid"))[1])

        await until(lambda: not desk.spool.erasures(PHONE.device_id))
        assert {await at_host(host, f"/v1/responses/{name}") for name in names} == {404}
        assert await at_host(host, f"/v1/responses/{other}") == 200
        assert (await page.http("GET", f"/v1/responses/{first}")).status_code == 404

    async def test_its_words_leave_no_trace_on_the_laptop(self, page: Page, desk: Bench) -> None:
        capture = desk.take(data=jpeg("salmon"))
        desk.session.submit(capture, prompt="the order number is 4711salmon")
        await desk.until("answer", capture_id=capture.capture_id)
        folder = desk.spool.blob_path(capture.sha256).parent.parent
        await until(lambda: traces(folder, b"4711salmon"))
        await page.http("DELETE", named(jpeg("salmon"))[1])

        assert traces(folder, b"4711salmon") == []

    async def test_another_phones_picture_of_the_same_bytes_stays(
        self, page: Page, desk: Bench, host: RunningHost, app_dir: Path
    ) -> None:
        data = jpeg("coral")
        sha256, where = named(data)
        async with neighbour_of(desk, app_dir) as (stranger, session):
            for one in (page, stranger):
                await one.http("PUT", where, content=data)
            theirs = (await ask_about(stranger, sha256)).json()["id"]
            await page.http("DELETE", where)

            assert (await page.http("GET", where)).status_code == 404
            assert (await stranger.http("GET", where)).content == data
            assert await at_host(host, where) == await at_host(host, f"/v1/responses/{theirs}") == 200
            await stranger.http("DELETE", where)
            assert session.album.find(sha256) is None
        assert await at_host(host, where) == 404

    async def test_what_is_not_there_cannot_be_deleted(self, page: Page) -> None:
        assert (await page.http("DELETE", f"/v1/captures/{'ef' * 32}")).status_code == 404

    async def test_a_host_that_is_away_is_told_when_it_is_back(
        self, host: RunningHost, app_dir: Path, tmp_path: Path
    ) -> None:
        away = True

        async def locate() -> tuple[str, str]:
            await asyncio.sleep(0)
            return ("http://127.0.0.1:9", "none") if away else (host.url, host.token)

        data = jpeg("sienna")
        _, where = named(data)
        async with httpx.AsyncClient(base_url=host.url, trust_env=False) as program:
            kept = await program.put(where, content=data, headers={"authorization": f"Bearer {host.token}"})
            assert kept.is_success
        with Spool(tmp_path / "spool") as spool:
            async with HostClient(locate) as client:
                session = Session(PHONE, spool, client, prompt="What?")
                async with Front(session, app_dir=app_dir) as front, asyncio.TaskGroup() as group:
                    running = group.create_task(session.run())
                    page = Page(front)
                    await page.link()
                    await page.http("PUT", where, content=data)
                    assert (await page.http("DELETE", where)).json()["host"] == "later"
                    away = False
                    await until(lambda: not session.album._erasing._left)
                    assert await at_host(host, where) == 404
                    running.cancel()

    async def test_the_next_bridge_tells_the_host_what_this_one_could_not(
        self, host: RunningHost, app_dir: Path, tmp_path: Path
    ) -> None:
        async def nowhere() -> tuple[str, str]:
            await asyncio.sleep(0)
            return "http://127.0.0.1:9", "none"

        data = jpeg("thistle")
        _, where = named(data)
        async with httpx.AsyncClient(base_url=host.url, trust_env=False) as program:
            kept = await program.put(where, content=data, headers={"authorization": f"Bearer {host.token}"})
            assert kept.is_success
        for locate, after in ((nowhere, 200), (fixed(host.url, host.token), 404)):
            with Spool(tmp_path / "spool") as spool:
                async with HostClient(locate) as client, asyncio.TaskGroup() as group:
                    session = Session(PHONE, spool, client, prompt="What?")
                    running = group.create_task(session.run())
                    if locate is nowhere:
                        async with Front(session, app_dir=app_dir) as front:
                            page = Page(front)
                            await page.link()
                            await page.http("PUT", where, content=data)
                            assert (await page.http("DELETE", where)).json()["host"] == "later"
                    else:
                        await until(lambda: not spool.erasures(PHONE.device_id))
                    running.cancel()
                assert await at_host(host, where) == after
                assert bool(spool.erasures(PHONE.device_id)) is (locate is nowhere)


async def at_host(host: RunningHost, where: str) -> int:
    """What the host says of this address to whoever has the bridge's key."""
    async with httpx.AsyncClient(base_url=host.url, trust_env=False, verify=trusted(host.url)) as client:
        return (await client.get(where, headers={"authorization": f"Bearer {host.token}"})).status_code


def traces(folder: Path, word: bytes) -> list[Path]:
    """The files in which it stands."""
    return [path for path in folder.rglob("*") if path.is_file() and word in path.read_bytes()]
