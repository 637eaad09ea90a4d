"""`PUT /prompts`: the laptop's own commands hand in the named questions, and every page of the phone shows them."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bridge.front.gate import PRINCIPAL
from bridge.front.links import Principal
from bridge.prompts import PromptBook, PromptFileError
from bridge.prompts.book import MAX_DOCUMENT
from bridge.session import Session
from host_server.wire.errors import WireError

__all__ = ["prompts_of"]

_WITHIN_S = 10.0


def prompts_of(session: Session) -> Callable[[Request], Awaitable[Response]]:
    """The route; only the control token opens it."""

    async def prompts(request: Request) -> Response:
        principal = request.scope.get(PRINCIPAL)
        if not isinstance(principal, Principal) or principal.role != "control":
            raise WireError("invalid_token", "This is for the laptop's own commands.")
        try:
            async with asyncio.timeout(_WITHIN_S):
                body = await _body(request)
        except TimeoutError:
            raise WireError("request_timeout", "The prompts did not arrive.") from None
        try:
            book = PromptBook.decoded(body, origin="pushed")
        except PromptFileError as error:
            raise WireError("invalid_request", error.message, param="prompts") from None
        session.offer([prompt.for_page() for prompt in book])
        return JSONResponse({"prompts": len(book), "pages": session.status()["pages"]})

    return prompts


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_DOCUMENT:
            raise WireError("body_too_large", "That is more than all prompts together may be.")
    return bytes(body)
