"""HTTP to the host: pictures up, small facts down, and the front's requests passed on. A deadline on everything."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from bridge.client.state import refusal
from bridge.client.tls import trusted
from bridge.errors import HostUnavailable

__all__ = ["HostHttp"]

# No single read or write may stand still for longer; a whole request has its own deadline.
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_WHOLE_S = 60.0
_MAX_ANSWER = 1024 * 1024
# The environment's proxies are for the world outside, never for a host on this machine: what is plain http stays here
# whatever its loopback address, and a proxy would read the key.
_DIRECT: dict[str, None] = dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]"))


class HostHttp:
    """Knows no address by itself: whoever keeps the connection says where the host is by setting `address`."""

    def __init__(self) -> None:
        self.address: tuple[str, str] | None = None
        self._life = AsyncExitStack()
        self._clients: dict[bool, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        await self._life.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._life.__aexit__(kind, error, trace)

    async def upload(self, sha256: str, path: Path) -> None:
        """Let the host have the picture; free when it has it already.

        Raises `HostUnavailable`, `TokenRefused`, `QuestionRefused`; OSError when the file is not there.
        """
        where = f"/v1/captures/{sha256}"
        async with self.request("HEAD", where) as answer:
            if answer.status_code == httpx.codes.OK:
                return
        data = await asyncio.to_thread(path.read_bytes)
        headers = {"content-type": "application/octet-stream"}
        async with self.request("PUT", where, headers=headers, content=data) as answer:
            await _checked(answer)

    async def get(self, path: str) -> Any:
        """The JSON at this path."""
        async with self.request("GET", path) as answer:
            return await _checked(answer)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        deadline: float = _WHOLE_S,
    ) -> AsyncGenerator[httpx.Response]:
        """One request with our key; the body of the answer is not read yet. Raises `HostUnavailable`."""
        if self.address is None:
            raise HostUnavailable("no host answers", hint="start one with `bridge serve`")
        url, token = self.address
        own = {"authorization": f"Bearer {token}"}
        client = await self._client(url)
        request = client.build_request(method, url + path, headers={**(headers or {}), **own}, content=content)
        try:
            async with asyncio.timeout(deadline):
                answer = await client.send(request, stream=True)
        except (httpx.TransportError, TimeoutError) as error:
            raise HostUnavailable(f"the host at {url} does not answer", hint="see `bridge status`") from error
        try:
            yield answer
        except httpx.TransportError as error:
            raise HostUnavailable(f"the host at {url} broke off", hint="see `bridge status`") from error
        finally:
            await answer.aclose()

    async def _client(self, url: str) -> httpx.AsyncClient:
        """One client for each kind of address."""
        secure = url.startswith("https:")
        if secure not in self._clients:
            client = httpx.AsyncClient(
                timeout=_TIMEOUT, mounts=_DIRECT, verify=trusted(url), follow_redirects=False, trust_env=secure
            )
            self._clients[secure] = await self._life.enter_async_context(client)
        return self._clients[secure]


async def _checked(answer: httpx.Response) -> Any:
    """The JSON of an answer that is fine; anything else raises."""
    body = b""
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > _MAX_ANSWER:
            raise HostUnavailable("the host says too much", hint="is this really a lensbridge host?")
    try:
        data = httpx.Response(answer.status_code, content=body).json() if body else {}
    except ValueError:
        data = None
    if answer.is_success and data is not None:
        return data
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict) and answer.status_code != httpx.codes.UNAUTHORIZED:
        raise HostUnavailable(
            f"the host answers {answer.status_code} without a reason", hint="is this really a lensbridge host?"
        )
    raise refusal(error or {}, status=answer.status_code)
