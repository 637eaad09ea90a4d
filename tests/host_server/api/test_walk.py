"""Every address and every method: shut without a token, told apart with one, and never anything that was not meant."""

from itertools import product
from pathlib import Path

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute, Route
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from host_server.api.app import create_app
from host_server.api.gate import OPEN_PATHS
from host_server.security.authenticator import Authenticator
from host_server.security.keys import KeyFile
from host_server.service import EngineRoom, Pictures, Service
from host_server.store.blobs import BlobStore
from tests.support.host_in_loop import Serving
from tests.support.scripted_engine import ScriptedEngine

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SHA = "ab" * 32
NAMES = {"{response_id}": "resp_1", "{sha256}": SHA, "{name}": "script"}
NOWHERE = ("/", "/docs", "/redoc", "/metrics/", "/v1", "/v1/chat", "/v1/responses/", "/v1/captures", "//v1/models")
MEANT = {
    "/health/live": {"GET"},
    "/health/ready": {"GET"},
    "/metrics": {"GET"},
    "/openapi.json": {"GET"},
    "/v1/chat/completions": {"POST"},
    "/v1/captures/{sha256}": {"DELETE", "GET", "HEAD", "PUT"},
    "/v1/models": {"GET"},
    "/v1/models/{name}": {"GET"},
    "/v1/responses": {"POST"},
    "/v1/responses/{response_id}": {"DELETE", "GET"},
    "/v1/responses/{response_id}/cancel": {"POST"},
    "/v1/responses/{response_id}/input_items": {"GET"},
}


def _app(folder: Path) -> FastAPI:
    service = Service(EngineRoom([ScriptedEngine()]), Pictures(BlobStore(folder / "other", quota=1)))
    app = create_app(service, Authenticator("t", KeyFile(folder)))
    service.pictures.close()
    return app


def _routes(app: FastAPI) -> list[BaseRoute]:
    routes: list[BaseRoute] = []
    stack: list[BaseRoute] = list(app.routes)
    while stack:
        route = stack.pop()
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        if inner:
            stack += inner
        else:
            routes.append(route)
    return routes


def _address(path: str) -> str:
    for name, value in NAMES.items():
        path = path.replace(name, value)
    return path


def test_the_host_has_these_calls_and_no_others(tmp_path: Path) -> None:
    calls: dict[str, set[str]] = {}
    sockets: list[str] = []
    for route in _routes(_app(tmp_path)):
        if isinstance(route, APIWebSocketRoute):
            sockets.append(route.path)
        else:
            assert isinstance(route, APIRoute | Route), route
            calls.setdefault(route.path, set()).update(route.methods or ())

    assert calls == MEANT
    assert sockets == ["/v1/responses"]


async def test_without_a_token_no_method_of_any_address_does_anything(served: Serving) -> None:
    async with httpx.AsyncClient(base_url=served.url, trust_env=False) as client:
        for path, method in product(MEANT, METHODS):
            answer = await client.request(method, _address(path))

            assert answer.headers["x-request-id"].startswith("req_")
            if path in OPEN_PATHS:
                assert answer.status_code == (200 if method in MEANT[path] else 405)
            else:
                assert answer.status_code == 401
                assert "script" not in answer.text


async def test_with_a_token_a_method_is_allowed_or_refused_in_our_shape(served: Serving) -> None:
    async with served.client() as client:
        for path, method in product(MEANT, METHODS):
            answer = await client.request(method, _address(path))

            if method in MEANT[path]:
                assert answer.status_code in {200, 400, 404}, method
                continue
            assert (answer.status_code, sorted(answer.headers["allow"].split(", "))) == (405, sorted(MEANT[path]))
            assert method == "HEAD" or answer.json()["error"]["code"] == "method_not_allowed"


async def test_an_address_that_does_not_exist_is_not_found_in_our_shape(served: Serving) -> None:
    async with served.client() as client:
        for path, method in product(NOWHERE, METHODS):
            answer = await client.request(method, served.url + path)

            assert answer.status_code == 404, (method, path)
            assert method == "HEAD" or answer.json()["error"]["code"] == "not_found"


async def test_a_socket_opens_at_one_address_only(served: Serving) -> None:
    opened: list[str] = []
    for path in MEANT:
        address = served.url.replace("http", "ws", 1) + _address(path)
        try:
            async with connect(address, additional_headers=served.headers, proxy=None):
                opened.append(path)
        except InvalidStatus as error:
            refused = error.response.status_code
            assert refused in {403, 404}

    assert opened == ["/v1/responses"]
