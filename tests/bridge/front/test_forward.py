"""What the page may have from the host, through the front."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from support.bridge import JPEG, SHA256, Bench, Page, bench, jpeg
from support.serving import serving

from bridge.client import fixed
from bridge.errors import HostUnavailable
from bridge.front import Front
from bridge.front.forward import MAX_BODY

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

    assert put.status_code in {200, 201}
    assert got.content == data
    assert desk.session._core._lane.pictures.by_page(sha256)


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
        for _ in range(MAX_BODY // 1_000_000 + 2):
            await asyncio.sleep(0)
            yield b"x" * 1_000_000

    answer = await page.http("POST", "/v1/responses", content=endless())

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


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
    async with serving(echo) as url, bench(fixed(url, "host-key"), tmp_path) as desk:
        desk.client.http.address = (url, "host-key")
        async with Front(desk.session, app_dir=app_dir) as front:
            page = Page(front)
            await page.link()
            sent = {
                "cookie": "a=b",
                "connection": "x-mine",
                "x-mine": "1",
                "x-other": "2",
                "origin": f"http://{page.host}",
            }
            answer = await page.http("GET", "/v1/models?a=b", headers=sent)

    (url_heard, heard) = echo.heard[-1]
    assert url_heard == f"{url}/v1/models?a=b"
    assert heard["authorization"] == "Bearer host-key"
    assert heard["x-other"] == "2"
    assert not {"cookie", "x-mine", "origin"} & set(heard)
    assert page.token not in str(heard)
    assert (answer.text, answer.headers["x-kept"]) == ("hi", "1")
    assert not {"set-cookie", "keep-alive", "x-hop"} & set(answer.headers)
