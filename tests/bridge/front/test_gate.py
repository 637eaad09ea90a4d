"""Who gets in: every route, every way of not being the linked page of this phone."""

import asyncio
from typing import Any

import pytest
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from bridge.front import Front
from tests.support.bridge import SHA256, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSP = "default-src 'self'; img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'"


STRAY = [
    "/nothing",
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/link.txt",
    "/.env",
    "/.git/config",
    "/%2egit/config",
    "/%00",
    "/" + "a" * 5000,
    "//etc/passwd",
    "/v1/../app.js",
    "/v1/%2e%2e/app.js",
    "/v1/../../etc/passwd",
]


async def raw(front: Front, request: str) -> bytes:
    """The first line of the answer to exactly these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    try:
        writer.write(request.encode())
        async with asyncio.timeout(5):
            return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


class TestOpen:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("/", "text/html; charset=utf-8"),
            ("/index.html", "text/html; charset=utf-8"),
            ("/app.js", "text/javascript; charset=utf-8"),
            ("/manifest.webmanifest", "application/manifest+json"),
        ],
    )
    async def test_the_pages_files_need_no_token(self, page: Page, path: str, kind: str) -> None:
        answer = await page.http("GET", path, token="")

        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["permissions-policy"] == "camera=(self)"
        assert answer.headers["cache-control"] == "no-cache"

    async def test_the_tunnel_can_be_checked(self, page: Page) -> None:
        assert (await page.http("GET", "/healthz", token="")).json() == {"ok": True}


class TestShut:
    async def test_every_other_route_refuses_without_a_token(self, page: Page, front: Front) -> None:
        gate: Any = front._server.config.app
        paths = {"/healthz": 200, "/link": 400}
        seen = 0
        for route in gate._app.routes:
            if isinstance(route, Mount | WebSocketRoute):
                continue
            assert isinstance(route, Route)
            path = route.path.replace("{sha256}", SHA256).replace("{rest:path}", "models")
            for method in route.methods or ():
                answer = await page.http(method, path, token="")
                assert answer.status_code == paths.get(path, 401), (method, path)
                seen += 1
        assert seen >= 10

    @pytest.mark.parametrize("path", STRAY)
    async def test_what_is_no_file_of_the_page_is_not_open(self, front: Front, path: str) -> None:
        assert b" 401 " in await raw(front, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")

    @pytest.mark.parametrize("path", STRAY)
    async def test_a_linked_page_gets_no_file_beyond_its_folder(self, page: Page, front: Front, path: str) -> None:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {page.token}\r\n\r\n"

        assert b" 404 " in await raw(front, head)

    async def test_files_of_the_page_cannot_be_changed(self, page: Page) -> None:
        assert (await page.http("PUT", "/app.js", content=b"x")).status_code == 405

    async def test_the_pages_token_does_not_open_the_laptops_status(self, page: Page, front: Front) -> None:
        assert (await page.http("GET", "/status")).status_code == 401
        answer = await page.http("GET", "/status", token=front.control_token)

        assert answer.json()["serial"] == "VP0001"
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("DELETE", "/v1/models", 405),
            ("PUT", "/v1/models", 405),
            ("POST", "/v1/models", 404),
            ("GET", "/v1/anything", 404),
            ("GET", "/v1/responses/resp_1/input_items", 404),
            ("POST", "/v1/responses/resp_1", 405),
            ("GET", "/v1/responses/resp_1/cancel", 405),
            ("POST", "/v1/captures/" + "ab" * 32, 404),
            ("GET", "/v1/captures", 404),
            ("GET", "/v1/captures/" + "AB" * 32, 404),
        ],
    )
    async def test_a_page_gets_what_is_named_and_nothing_else(
        self, page: Page, method: str, path: str, status: int
    ) -> None:
        assert (await page.http(method, path)).status_code == status


class TestPlace:
    @pytest.mark.parametrize(
        "name", ["evil.example", "192.168.1.5:8017", "localhost.evil.example", "localhost.", "127.0.0.1x"]
    )
    @pytest.mark.parametrize("path", ["/", "/healthz", "/link", "/v1/models"])
    async def test_another_name_gets_nothing(self, page: Page, name: str, path: str) -> None:
        answer = await page.http("GET", path, headers={"host": name})

        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "host_not_allowed"

    @pytest.mark.parametrize("name", ["localhost:8017", "LOCALHOST", "127.0.0.1:1", "127.1.2.3:8017", "[::1]:8017"])
    async def test_its_own_names_work_with_any_port(self, page: Page, name: str) -> None:
        assert (await page.http("GET", "/v1/models", headers={"host": name})).status_code == 200

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "https://localhost:8017"])
    async def test_a_page_of_another_origin_gets_nothing(self, page: Page, origin: str) -> None:
        headers = {"host": "localhost:8017", "origin": origin}
        answer = await page.http("POST", "/link", headers=headers, json={"code": "x"})

        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "origin_not_allowed"

    async def test_its_own_origin_works(self, page: Page) -> None:
        headers = {"host": "localhost:8017", "origin": "http://localhost:8017"}

        assert (await page.http("GET", "/v1/models", headers=headers)).status_code == 200

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin, cross-site", "", "Same-Origin"])
    @pytest.mark.parametrize("path", ["/", "/healthz", "/v1/models"])
    async def test_what_another_sites_page_fetches_is_refused(self, page: Page, site: str, path: str) -> None:
        answer = await page.http("GET", path, headers={"sec-fetch-site": site})

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    async def test_what_the_page_itself_fetches_is_not(self, page: Page, site: str) -> None:
        assert (await page.http("GET", "/v1/models", headers={"sec-fetch-site": site})).status_code == 200

    @pytest.mark.parametrize(
        ("mode", "dest", "status"),
        [("navigate", "document", 200), ("navigate", "iframe", 403), ("cors", "document", 403)],
    )
    async def test_a_link_on_another_site_may_be_followed(self, page: Page, mode: str, dest: str, status: int) -> None:
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode, "sec-fetch-dest": dest}

        assert (await page.http("GET", "/", headers=headers)).status_code == status

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Host": "evil.example"}, 403),
            ({"Origin": "http://evil.example"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({}, 401),
        ],
    )
    async def test_so_it_is_on_the_socket(self, front: Front, headers: dict[str, str], status: int) -> None:
        fields = {
            "Host": f"localhost:{front.port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in (fields | headers).items())

        assert f" {status} ".encode() in await raw(front, f"GET /v1/responses HTTP/1.1\r\n{lines}\r\n")


class TestTokens:
    async def test_a_page_whose_token_is_no_good_is_told_so_by_a_close_code(self, page: Page) -> None:
        async with page.socket("nope") as socket:
            with pytest.raises(ConnectionClosedError) as closed:
                await socket.recv()

        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401

    async def test_a_program_without_a_good_token_gets_an_http_status(self, page: Page) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with page.socket("", additional_headers={"Authorization": "Bearer nope"}):
                pass

        assert refused.value.response.status_code == 401

    async def test_two_tokens_are_none(self, page: Page, front: Front) -> None:
        with pytest.raises(ConnectionClosedError):
            async with page.socket(additional_headers={"Authorization": f"Bearer {front.control_token}"}) as socket:
                await socket.recv()

    async def test_the_token_of_one_phone_is_worth_nothing_at_another(self, page: Page, fresh_front: Front) -> None:
        stranger = Page(fresh_front)
        stranger.token = page.token

        assert (await stranger.http("GET", "/v1/models")).status_code == 401


class TestLink:
    async def test_a_code_gives_a_token_for_this_phone_once(self, page: Page) -> None:
        code = page.front.new_link_code()
        first = await page.link(code)
        second = await page.link(code)

        assert first.json()["device"] == {"serial": "VP0001", "model": "Pixel 9"}
        assert first.json()["expires_at"] > 1_700_000_000
        assert first.headers["cache-control"] == "no-store"
        assert (second.status_code, second.json()["error"]["code"]) == (401, "invalid_token")

    @pytest.mark.parametrize(
        ("body", "status"),
        [(b"", 400), (b"[]", 400), (b'{"code":1}', 400), (b"[" * 4000, 400), (b"x" * 5000, 413), (b'{"code":""}', 401)],
    )
    async def test_nonsense_is_refused(self, page: Page, body: bytes, status: int) -> None:
        assert (await page.http("POST", "/link", content=body, token="")).status_code == status

    async def test_guessing_is_slowed_down(self, fresh_front: Front) -> None:
        page = Page(fresh_front)
        answers = [await page.link("wrong") for _ in range(11)]

        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
