"""Nothing is open but what is meant to be: every route, every kind of request."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bridge.client.tls import trusted
from host_server.security.keys import KeyFile
from tests.support.host import RunningHost
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/v1", "/health/live/", "/health/live/../ready", "//", "/v1/captures"]
)
async def test_an_address_that_does_not_exist_refuses_too(served: Serving, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(served.url + path)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_token"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic {token}"},
        {"authorization": "{token}"},
        {"cookie": "token={token}"},
        {"sec-websocket-protocol": "bridge.bearer.{token}"},
        {"x-api-key": "{token}"},
    ],
)
async def test_only_the_right_token_in_the_right_place_lets_in(served: Serving, headers: dict[str, str]) -> None:
    filled = {name: value.replace("{token}", served.token) for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{served.url}/v1/models?token={served.token}", headers=filled)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_tokens_are_none(served: Serving) -> None:
    pair = [("authorization", f"Bearer {served.token}"), ("authorization", f"Bearer {served.token}")]
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{served.url}/v1/models", headers=pair)).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "10.1.2.3", "", "localhost/../x"])
async def test_a_foreign_host_is_refused_even_with_the_token(served: Serving, host: str) -> None:
    async with served.client(host=host) as client:
        answers = [await client.get("/v1/models"), await client.get("/health/live")]

    assert [answer.status_code for answer in answers] in ([403, 403], [400, 400])


async def test_a_name_that_was_configured_is_ours(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, ScriptedEngine(), names=("GPU.lan",)) as host,
        host.client(host="gpu.lan:80") as client,
    ):
        assert (await client.get("/v1/models")).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", ""])
async def test_a_foreign_origin_is_refused_even_with_the_token(served: Serving, origin: str) -> None:
    async with served.client(origin=origin) as client:
        answer = await client.post("/v1/responses", json={"input": "hello"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")


async def test_a_page_of_ours_may_talk(served: Serving) -> None:
    async with served.client(**{"origin": served.url, "sec-fetch-site": "same-origin"}) as client:
        assert (await client.get("/v1/models")).status_code == 200


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("?", 403), ("none", 200)])
async def test_a_browser_that_says_it_comes_from_elsewhere_is_refused(served: Serving, site: str, status: int) -> None:
    async with served.client(**{"sec-fetch-site": site}) as client:
        answers = [await client.get("/v1/models"), await client.get("/health/live")]

    assert [answer.status_code for answer in answers] == [status, status]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"host": "evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
async def test_a_socket_from_a_foreign_place_is_refused(served: Serving, headers: dict[str, str]) -> None:
    address = served.url.replace("http", "ws") + "/v1/responses"
    with pytest.raises(InvalidStatus) as caught:
        async with connect(address, additional_headers=served.headers | headers, proxy=None):
            pass

    assert caught.value.response.status_code in {400, 403}


async def test_a_program_with_a_wrong_token_gets_401_with_the_reason(served: Serving) -> None:
    address = served.url.replace("http", "ws") + "/v1/responses"
    with pytest.raises(InvalidStatus) as caught:
        async with connect(address, additional_headers={"authorization": "Bearer wrong"}, proxy=None):
            pass

    assert caught.value.response.status_code == 401
    assert json.loads(caught.value.response.body or b"")["error"]["code"] == "invalid_token"


@pytest.mark.parametrize(
    "protocols", [["bridge.v1"], ["bridge.v1", "bridge.bearer.wrong"], ["bridge.v1", "bridge.bearer."]]
)
async def test_a_page_with_a_wrong_token_gets_a_close_code_it_can_see(served: Serving, protocols: list[str]) -> None:
    address = served.url.replace("http", "ws") + "/v1/responses"
    async with connect(address, subprotocols=protocols, proxy=None) as socket:  # type: ignore[arg-type]
        assert socket.subprotocol == "bridge.v1"
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4401


async def test_a_socket_elsewhere_is_refused(served: Serving) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(
            served.url.replace("http", "ws") + "/v1/models", additional_headers=served.headers, proxy=None
        ):
            pass


async def test_a_revoked_key_loses_its_open_socket(served: Serving) -> None:
    keys = KeyFile(served.folder)
    token = keys.new("ci")
    address = served.url.replace("http", "ws") + "/v1/responses"
    async with connect(address, additional_headers={"authorization": f"Bearer {token}"}, proxy=None) as socket:
        keys.revoke("ci")
        await socket.send('{"type":"response.create","input":"hello"}')
        with pytest.raises(ConnectionClosed) as caught:
            async with asyncio.timeout(5):
                await socket.recv()

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4401


async def test_an_endless_head_is_not_read_to_its_end(served: Serving) -> None:
    address = httpx.URL(served.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"x" * 200_000)
    async with asyncio.timeout(5):
        assert b" 400 " in await reader.readline()
    writer.close()


async def test_many_wrong_tokens_are_slowed_down(served: Serving) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        wrong = {"authorization": "Bearer wrong"}
        answers = [await client.get(f"{served.url}/v1/models", headers=wrong) for _ in range(11)]
        unknown = await client.get(f"{served.url}/v1/models")

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert unknown.status_code == 401
    assert int(answers[-1].headers["retry-after"]) > 0


def test_neither_tokens_nor_questions_nor_addresses_queries_are_in_the_log(own_host: RunningHost) -> None:
    question = "my order number is 20260917-1234"
    with httpx.Client(base_url=own_host.url, headers=own_host.headers, trust_env=False) as client:
        client.post("/v1/responses?token=SECRETQUERY", json={"input": question})
        client.get("/v1/models", headers={"authorization": "Bearer WRONGTOKEN1234"})
        client.get("/" + "long" * 2000, headers={"authorization": "Bearer WRONGTOKEN1234"})
    own_host.stop()

    log = own_host.log.read_text(encoding="utf-8")
    assert '"path": "/v1/responses"' in log
    for secret in (own_host.token, "SECRETQUERY", "WRONGTOKEN1234", "20260917"):
        assert secret not in log
    assert "longlong" in log
    assert "long" * 100 not in log


def test_strangers_cannot_fill_the_log(own_host: RunningHost) -> None:
    with httpx.Client(base_url=own_host.url, trust_env=False) as client:
        for _ in range(150):
            client.get("/v1/models")
        for _ in range(20):
            with httpx.Client(base_url=own_host.url, trust_env=False, verify=trusted(own_host.url)) as other:
                other.request("GET", "/health/live", headers={"upgrade": "nonsense", "connection": "upgrade"})
        known = client.get("/v1/models", headers=own_host.headers)
    own_host.stop()

    lines = own_host.log.read_text(encoding="utf-8").splitlines()
    assert known.status_code == 200
    assert 60 <= len(lines) < 75
    assert any('"principal": "admin"' in line for line in lines[60:])
