"""HTTP to the host goes nowhere else."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from bridge.client import HostHttp
from bridge.errors import HostUnavailable
from tests.support.serving import serving


async def test_no_proxy_of_the_environment_sees_a_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(scope["path"])
        await PlainTextResponse("mine")(scope, receive, send)

    async with serving(proxy) as address, HostHttp() as http:
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, address)
        http.address = ("http://127.0.0.2:9", "key")
        with pytest.raises(HostUnavailable):
            await http.get("/v1/models")

    assert heard == []
