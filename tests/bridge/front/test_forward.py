"""What the page may have from the host, through the front."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.client import fixed
from bridge.errors import HostUnavailable
from bridge.front import Front
from bridge.front.errands import MAX_AT_ONCE, MAX_JSON
from bridge.session import Session
from tests.support.bridge import JPEG, PHONE, SHA256, Bench, Page, bench, jpeg
from tests.support.serving import serving
from tests.support.until import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def nowhere() -> tuple[str, str]:
    await asyncio.sleep(0)
    raise HostUnavailable("no host")


async def test_an_answer_comes_through_as_the_host_gave_it(page: Page) -> None:
    answer = await page.http("GET", "/v1/models")

    assert [model["id"] for model in answer.json()["data"]] == ["echo"]
    assert answer.headers["x-request-id"].startswith("req_")
    assert "server" not in answer.headers


async def test_the_hosts_refusal_comes_through(page: Page) -> None:
    answer = await page.http("GET", "/v1/responses/resp_nope?stream=true&starting_after=3")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "response_not_found")


async def test_a_streamed_answer_comes_through(page: Page) -> None:
    answer = await page.http("POST", "/v1/responses", json={"input": "hi there", "stream": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.rstrip().endswith("data: [DONE]")


async def test_a_picture_goes_up_and_may_be_asked_about(page: Page, desk: Bench) -> None:
    data = jpeg("blue")
    sha256 = hashlib.sha256(data).hexdigest()
    put = await page.http("PUT", f"/v1/captures/{sha256}", content=data)
    got = await page.http("GET", f"/v1/captures/{sha256}")

    assert put.status_code == 201
    assert got.content == data
    (capture,) = [desk.spool.capture(put.json()["capture_id"])]
    assert capture is not None
    assert (capture.source, capture.sha256, capture.size) == ("page", sha256, len(data))


async def test_this_phones_pictures_come_from_the_spool(page: Page, desk: Bench) -> None:
    desk.take()
    answer = await page.http("GET", f"/v1/captures/{SHA256}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content == JPEG
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_a_picture_nobody_has_is_not_found(page: Page) -> None:
    assert (await page.http("GET", f"/v1/captures/{'ab' * 32}")).status_code == 404
    assert (await page.http("GET", "/v1/captures/nope")).status_code == 404


async def test_a_body_beyond_the_limit_is_refused(page: Page) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_JSON // 1_000_000 + 2):
            await asyncio.sleep(0)
            yield b"x" * 1_000_000

    answer = await page.http("POST", "/v1/responses", content=endless())

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


async def test_only_so_many_questions_arrive_at_a_time(page: Page) -> None:
    arriving, go_on = 0, asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        nonlocal arriving
        yield b'{"input": '
        arriving += 1
        await go_on.wait()
        yield b'"hi"}'

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        slow = [group.create_task(page.http("POST", "/v1/responses", content=slowly())) for _ in range(MAX_AT_ONCE)]
        await until(lambda: arriving == MAX_AT_ONCE)
        while (refused := await page.http("POST", "/v1/responses", json={"input": "hi"})).is_success:
            pass  # the last of them is not seen yet
        go_on.set()

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_inflight")
    assert [one.result().status_code for one in slow] == [200] * MAX_AT_ONCE
    assert (await page.http("POST", "/v1/responses", json={"input": "hi"})).is_success


async def test_without_a_host_the_page_is_told_to_try_again(tmp_path: Path, app_dir: Path) -> None:
    async with bench(nowhere, tmp_path) as desk, Front(desk.session, app_dir=app_dir) as front:
        page = Page(front)
        await page.link()
        answer = await page.http("GET", "/v1/models")

    assert answer.status_code == 503
    assert answer.json()["error"]["retryable"] is True


class Echo:
    """A host that says what it was asked, and tries to set a cookie."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.heard.append((str(request.url), dict(request.headers)))
        headers = {"set-cookie": "a=b", "keep-alive": "timeout=5", "x-kept": "1", "connection": "x-hop", "x-hop": "1"}
        await Response("hi", headers=headers)(scope, receive, send)


async def test_neither_side_sees_the_others_secrets(app_dir: Path, tmp_path: Path) -> None:
    echo = Echo()
    async with front_of(echo, tmp_path, app_dir) as page:
        sent = {"cookie": "a=b", "connection": "x-mine", "x-mine": "1", "x-other": "2", "origin": f"http://{page.host}"}
        answer = await page.http("GET", "/v1/models?a=b", headers=sent)

    (url_heard, heard) = echo.heard[-1]
    assert url_heard.endswith("/v1/models?a=b")
    assert heard["authorization"] == "Bearer host-key"
    assert heard["x-other"] == "2"
    assert not {"cookie", "x-mine", "origin"} & set(heard)
    assert page.token not in str(heard)
    assert (answer.text, answer.headers["x-kept"]) == ("hi", "1")
    assert not {"set-cookie", "keep-alive", "x-hop"} & set(answer.headers)


@asynccontextmanager
async def front_of(app: ASGIApp, folder: Path, app_dir: Path) -> AsyncGenerator[Page]:
    """A linked page of a front whose host is this app."""
    async with serving(app) as url, bench(fixed(url, "host-key"), folder) as desk:
        desk.client.http.address = (url, "host-key")
        async with Front(desk.session, app_dir=app_dir) as front:
            page = Page(front)
            await page.link()
            yield page


@pytest.mark.parametrize("path", ["/v1/mod%0dels", "/v1/mod%09els", "/v1/%09models", "/v1/models%3fa=b", "/v1/..%2fx"])
async def test_an_address_that_two_parsers_read_differently_is_none(page: Page, path: str) -> None:
    answer = await page.http("GET", path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_headers_that_are_no_text_stay_behind(app_dir: Path, tmp_path: Path) -> None:
    echo = Echo()
    async with front_of(echo, tmp_path, app_dir) as page:
        answer = await page.http("GET", "/v1/models", headers={"x-other": "2", b"x-odd": b"\xe9\xff"})

    assert answer.status_code == 200
    assert "x-odd" not in echo.heard[-1][1]


async def test_a_body_in_chunks_has_no_other_length(app_dir: Path, tmp_path: Path) -> None:
    echo = Echo()
    async with front_of(echo, tmp_path, app_dir) as page:
        headers = {"content-length": "50", "transfer-encoding": "chunked"}
        answer = await page.http("POST", "/v1/responses", headers=headers, content=b"{}")

    assert answer.status_code == 200
    assert echo.heard[-1][1]["content-length"] == "2"
    assert "transfer-encoding" not in echo.heard[-1][1]


async def test_an_answer_the_host_breaks_off_is_broken_off(app_dir: Path, tmp_path: Path) -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
            await send({"type": "http.response.body", "body": b"half", "more_body": False})

    async with front_of(breaks, tmp_path, app_dir) as page:
        with pytest.raises(httpx.RemoteProtocolError):
            await page.http("GET", "/v1/models")


async def test_a_stream_ends_when_the_page_is_gone(app_dir: Path, tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with asyncio.TaskGroup() as group:
            talking = group.create_task(talk(send))
            while (await receive())["type"] != "http.disconnect":
                pass
            talking.cancel()
        ended.set()

    async def talk(send: Send) -> None:
        while True:
            await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
            await asyncio.sleep(0.01)

    async with front_of(endless, tmp_path, app_dir) as page, httpx.AsyncClient(trust_env=False) as client:
        headers = {"authorization": f"Bearer {page.token}"}
        async with client.stream("GET", f"{page.front.url}/v1/models", headers=headers) as answer:
            await anext(answer.aiter_bytes())
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_fault_of_ours_is_said_without_its_details(
    desk: Bench, app_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Session):
        def status(self) -> dict[str, object]:
            raise ValueError("the secret detail")

    session = Broken(PHONE, desk.spool, desk.client, prompt="x")
    async with Front(session, app_dir=app_dir) as front:
        page = Page(front)
        answer = await page.http("GET", "/status", token=front.control_token)

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "the secret detail" in caplog.text
