"""One server of the list: asked over HTTP, read while it speaks, bounded in everything it may send."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

from host_server.core.question import PreparedQuestion
from host_server.engines.base import EngineError, Piece, UpstreamError, UpstreamRefusedError
from host_server.engines.upstream.address import Address
from host_server.engines.upstream.body import body, extras
from host_server.engines.upstream.events import Events, Whole
from host_server.engines.upstream.faults import Fault, judge, retry_after_s, shown, spoken
from host_server.engines.upstream.gate import Gate, LateError
from host_server.engines.upstream.health import Health
from host_server.engines.upstream.refusals import Extra, blamed
from host_server.engines.upstream.transcript import Transcript

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["NotAnswered", "Patience", "Replica", "Told"]

_log = logging.getLogger(__name__)

_OK = 200
_ERROR_BYTES = 1 << 16
_KEEP_S = 2.0
"""Idle connections are used again for so long: uvicorn, which most of them run on, closes them after 5 s."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. A model on a CPU may look at a picture for minutes before the first word."""

    connect: float = 5.0
    write: float = 60.0
    first: float = 300.0
    next: float = 120.0
    usage: float = 5.0
    """For usage, after the answer's end."""
    end: float = 0.1
    """For the connection's own end, after which it can be used again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What every question is sent with."""

    model: str
    thinking: bool
    key: str = ""


class NotAnswered(Exception):
    """Not a word of the answer has come, so that another replica may be asked."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.error.message)
        self.fault = fault


class Replica:
    """Give it questions for as long as you like, then `close` it."""

    def __init__(
        self, address: Address, told: Told, *, gate: Gate, trusted: "ssl.SSLContext", patience: Patience
    ) -> None:
        import httpx

        self.address = address
        self.health = Health()
        self._told = told
        self._gate = gate
        self._patience = patience
        self._refuses: frozenset[Extra] = frozenset()
        headers = {"accept": "text/event-stream", "accept-encoding": "identity", "user-agent": "lensbridge"}
        if told.key:
            headers["authorization"] = f"Bearer {told.key}"
        self._client = httpx.AsyncClient(
            headers=headers,
            # Kept by nobody: they would grow, and go from one question to the next.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(None, connect=patience.connect, write=patience.write),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_S),
            verify=trusted,
            trust_env=address.base.startswith("https:"),  # no proxy between here and a private network
        )

    async def look(self) -> list[str]:
        """The names of its models, as far as it tells. Raises `NotAnswered` when it cannot be reached or used."""
        response = await self._send("GET", "/models")
        try:
            if response.status_code in {401, 403, 502, 503, 504}:
                raise NotAnswered(await self._judged(response))
            return _names(await self._read_some(response)) if response.status_code == _OK else []
        finally:
            await response.aclose()

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """Its answer. Raises `NotAnswered` before the first piece, `EngineError` later."""
        spoke = False
        self.health.begin(time.monotonic())
        pieces = self._pieces(question)
        try:
            async for piece in pieces:
                if not spoke:
                    self.health.works()
                    spoke = True
                yield piece
            self.health.works()
        except NotAnswered as no:
            self._note(no.fault.error, failed=no.fault.elsewhere)
            raise
        except UpstreamRefusedError:
            self.health.works()
            raise
        except UpstreamError as error:
            self._note(error, failed=True)
            if spoke:
                raise
            raise NotAnswered(Fault(error)) from None
        finally:
            await pieces.aclose()

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    # ---- asking ----

    async def _pieces(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        began = time.monotonic()
        first: float | None = None
        response = await self._accepted(question)
        transcript = Transcript(limit=question.max_output_tokens, stop=question.stop)
        pieces = self._read(response, transcript)
        try:
            async for piece in pieces:
                first = first or time.monotonic()
                yield piece
            last = transcript.last()
            if last is not None:
                took = (first or time.monotonic()) - began
                yield replace(last, report=last.report and replace(last.report, prefill_s=took))
        finally:
            await pieces.aclose()
            await response.aclose()

    async def _accepted(self, question: PreparedQuestion) -> "httpx.Response":
        """The answer's beginning; what the server refuses of the question is left out, now and from now on."""
        left_out = self._refuses
        first: Fault | None = None
        while True:
            content = body(question, model=self._told.model, thinking=self._told.thinking, without=left_out)
            response = await self._send("POST", "/chat/completions", content)
            if response.status_code == _OK:
                if left_out - self._refuses:
                    _log.info("%s takes no %s", self.address.base, ", ".join(sorted(left_out)))
                    self._refuses |= left_out
                return response
            try:
                said = (question.text, question.system, *(turn.text for turn in question.history))
                fault = await self._judged(response, hidden=said)
            finally:
                await response.aclose()
            first = first or fault
            more = blamed(fault.words, extras(question) - left_out, unclear=fault.unclear)
            if not more:
                raise NotAnswered(first)
            left_out |= more

    async def _send(self, method: str, path: str, content: bytes | None = None) -> "httpx.Response":
        """Send it and wait for the status. Raises `NotAnswered`."""
        import httpx

        headers = {"content-type": "application/json"} if content is not None else {}
        request = self._client.build_request(method, self.address.base + path, content=content, headers=headers)
        try:
            async with self._gate.waiting(self._patience.first):
                response = await self._client.send(request, stream=True, follow_redirects=False)
        except LateError:
            raise NotAnswered(Fault(UpstreamError("The upstream does not answer."))) from None
        except httpx.HTTPError as error:
            raise NotAnswered(Fault(_unreachable(error))) from None
        if response.headers.get("content-encoding", "identity") != "identity":
            # A few bytes could become gigabytes; what was asked for is plain text.
            await response.aclose()
            raise NotAnswered(Fault(UpstreamError("The upstream answers compressed, which nobody asked for.")))
        return response

    # ---- reading ----

    async def _read(self, response: "httpx.Response", transcript: Transcript) -> AsyncGenerator[Piece, None]:
        import httpx

        streamed = "json" not in response.headers.get("content-type", "")
        events = Events() if streamed else Whole()
        patience = self._patience
        raw = response.aiter_raw()
        heard = time.monotonic()
        wait = patience.first
        while not transcript.done:
            try:
                async with self._gate.waiting(heard + wait - time.monotonic()):
                    data = await anext(raw, None)
            except (LateError, httpx.HTTPError) as error:
                if transcript.finished:
                    break
                words = "fell silent" if isinstance(error, LateError) else "broke off its answer"
                raise UpstreamError(f"The upstream {words}.") from None
            payloads = events.end() if data is None else events.feed(data)
            for payload in payloads:
                for piece in transcript.read(payload):
                    yield piece
                await asyncio.sleep(0)  # what came in one read must not keep the loop
            if data is None:
                break
            if payloads:
                heard = time.monotonic()
                wait = _wait(transcript, patience)
        for piece in transcript.end():
            yield piece
        await self._to_the_end(raw)

    async def _to_the_end(self, raw: AsyncIterator[bytes]) -> None:
        """A connection that is read to its end is used again, which saves the next question some round trips."""
        import httpx

        try:
            async with self._gate.waiting(self._patience.end):
                await anext(raw, None)
        except (LateError, httpx.HTTPError):
            return

    async def _judged(self, response: "httpx.Response", *, hidden: tuple[str, ...] = ()) -> Fault:
        words = spoken(await self._read_some(response))
        wait_s = retry_after_s(response.headers, now=time.time())
        fault = judge(response.status_code, words, wait_s=wait_s)
        told = shown(words, (self._told.key, *hidden))
        _log.warning("%s answered %d: %s", self.address.base, response.status_code, told)
        return fault

    async def _read_some(self, response: "httpx.Response") -> bytes:
        """A short body, or the beginning of a long one."""
        import httpx

        some = bytearray()
        raw = response.aiter_raw()
        try:
            async with self._gate.waiting(self._patience.usage):
                while len(some) < _ERROR_BYTES and (data := await anext(raw, None)) is not None:
                    some += data
        except (LateError, httpx.HTTPError):
            pass
        return bytes(some[:_ERROR_BYTES])

    def _note(self, error: EngineError, *, failed: bool) -> None:
        if not failed:
            self.health.works()
            return
        self.health.failed(time.monotonic(), for_s=error.retry_after_s)
        _log.warning("%s: %s", self.address.base, error.message)


def _wait(transcript: Transcript, patience: Patience) -> float:
    """How long the next event may take. Some servers say who will speak long before anything is said."""
    if not transcript.finished:
        return patience.next if transcript.begun else patience.first
    return patience.end if transcript.counted else patience.usage


def _unreachable(error: Exception) -> UpstreamError:
    """Why nothing came of it; the words of the library name addresses, and are not passed on."""
    import ssl

    import httpx

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            hint = "SSL_CERT_FILE names a file with the certificates to trust"
            return UpstreamRefusedError("The upstream's certificate is not trusted.", hint=hint)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        hint = "is it running, is the port right, and does no firewall stand between? `curl URL/v1/models` asks it too"
        return UpstreamError("The upstream cannot be reached.", hint=hint)
    return UpstreamError("The connection to the upstream broke.", hint="its log may say why")


def _names(listing: bytes) -> list[str]:
    """The ids in `{"data": [{"id": …}, …]}`; a listing of another shape names none."""
    try:
        data = json.loads(listing)["data"]
        return [entry["id"] for entry in data if isinstance(entry["id"], str)]
    except (ValueError, RecursionError, KeyError, TypeError):
        return []
