"""What a page may have from the host over plain HTTP: the models, and answers about pictures of its own phone.

All phones of a bridge share one key at the host, so the host would give this page another phone's picture, or answer,
for nothing but its name. Whatever is not named here is not passed on, and what is passed on is what was checked.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from bridge.front.body import whole
from bridge.front.forward import Forwarded
from bridge.session import Session
from host_server.wire.codec import decode, encode
from host_server.wire.errors import WireError
from host_server.wire.ids import sha256_of_file_id

__all__ = ["MAX_AT_ONCE", "MAX_JSON", "errands_of"]

MAX_AT_ONCE: Final = 4  # questions being read, each in memory as a whole
MAX_JSON: Final = 12 * 1024 * 1024  # the host's own limit: a question may hold a picture as a `data:` URL
_MODELS = re.compile(r"/v1/models(/[A-Za-z0-9._:-]{1,128})?", re.ASCII)
_ANSWER = re.compile(r"/v1/responses/(?P<name>resp_[A-Za-z0-9_-]{1,64})(?P<cancel>/cancel)?", re.ASCII)
_BEGUN = re.compile(rb'"id":\s*"(resp_[A-Za-z0-9_-]{1,64})"', re.ASCII)


def errands_of(session: Session) -> Callable[[Request], Awaitable[Response]]:
    """The route of everything that is fetched from the host."""
    reading = asyncio.BoundedSemaphore(MAX_AT_ONCE)

    def is_own(response_id: str) -> bool:
        return response_id in session.album.asked or session.knows(response_id)

    def noted(pictures: frozenset[str]) -> Callable[[bytes], None]:
        def begun(beginning: bytes) -> None:
            if found := _BEGUN.search(beginning):
                session.album.asked.put(found[1].decode(), pictures)

        return begun

    async def errand(request: Request) -> Response:
        method, path = request.method, request.scope["path"]
        if method in {"GET", "HEAD"} and _MODELS.fullmatch(path):
            return Forwarded(request, session.client.http)
        if answer := _ANSWER.fullmatch(path):
            if (method == "POST") != bool(answer["cancel"]):
                raise WireError("method_not_allowed", "Answers are read with GET and cancelled with POST.")
            _check_answer(answer["name"], is_own)
            return Forwarded(request, session.client.http)
        if method == "POST" and path == "/v1/responses":
            if reading.locked():
                raise WireError("too_many_inflight", "Other questions are still arriving.", retry_after_ms=1000)
            async with reading:
                content, pictures = await _question(request, session, is_own)
            return Forwarded(request, session.client.http, content=content, on_begin=noted(pictures))
        raise WireError("not_found", "There is no such address for a page.")

    return errand


async def _question(request: Request, session: Session, is_own: Callable[[str], bool]) -> tuple[bytes, frozenset[str]]:
    """A question whose pictures and earlier answer are this phone's, written anew, and all pictures it is about."""
    data = decode(await whole(request, limit=MAX_JSON, code="body_too_large"))
    if not isinstance(data, dict):
        raise WireError("invalid_request", "The body must be a JSON object.")
    shown = {sha256 for text in _texts(data) if (sha256 := sha256_of_file_id(text))}
    before: frozenset[str] = frozenset()
    earlier = data.get("previous_response_id")
    if isinstance(earlier, str):
        _check_answer(earlier, is_own)
        before = session.album.asked.get(earlier) or session.pictures_of(earlier)
    for sha256 in sorted(shown):
        await session.album.lend(sha256)
    return encode(data).encode(), before | shown


def _check_answer(name: str, is_own: Callable[[str], bool]) -> None:
    if not is_own(name):
        raise WireError("response_not_found", "No such answer is known here (any more).", param="response_id")


def _texts(data: Any) -> Iterator[str]:
    """Every text in it, wherever."""
    left = [data]
    while left:
        match left.pop():
            case str(text):
                yield text
            case dict(fields):
                left += fields.values()
            case list(items):
                left += items
            case _:
                pass
