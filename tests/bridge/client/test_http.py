"""HTTP to the host goes nowhere else."""

import ssl

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from bridge.client import HostHttp
from bridge.client.tls import trusted
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


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://gpu-box:8443", "HTTPS://gpu-box", ""])
def test_no_address_is_taken_without_a_certificate_that_was_checked(url: str) -> None:
    tls = trusted(url)

    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert url.startswith("https:") or tls.get_ca_certs() == []
