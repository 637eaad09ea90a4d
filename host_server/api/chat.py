"""`/v1/chat/completions`: the same questions and answers in the older API that every tool speaks.

There is nothing to resume and no id to cancel by: whoever closes the connection stops the answer.
"""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from host_server.api.body import JsonBodies
from host_server.api.caller import idempotency_key, owner
from host_server.api.errors import error_response
from host_server.api.event_stream import EventStream, WholeAnswer, data_frame
from host_server.wire.chat import ChatCreate, parse_chat
from host_server.wire.completion import Chunks, completion, failure
from host_server.wire.errors import WireError

if TYPE_CHECKING:
    from host_server.service import Answer, Service
    from host_server.wire.response import Json

__all__ = ["chat_router"]


def chat_router(service: "Service", *, bodies: JsonBodies) -> APIRouter:
    """The route, bound to this service."""
    router = APIRouter(prefix="/v1/chat")

    @router.post("/completions")
    async def complete(request: Request) -> Response:
        """Ask: the whole completion as JSON, or its chunks as they come with `"stream": true` in the body."""
        chat = parse_chat(await bodies.read(request))
        answer = await _ask(service, request, chat)
        if not chat.stream:
            return WholeAnswer(answer, told=_whole)
        chunks = Chunks(include_usage=chat.include_usage)
        return EventStream(answer, frame=lambda event: b"".join(map(data_frame, chunks.of(event))))

    return router


async def _ask(service: "Service", request: Request, chat: ChatCreate) -> "Answer":
    try:
        return await service.ask(owner(request), chat.question(), key=idempotency_key(request))
    except WireError as error:
        if error.param == "input":  # what it is called in a Response
            error.param = "messages"
        raise


def _whole(response: "Json") -> Response:
    error = failure(response)
    if error is not None:
        return error_response(error)
    return JSONResponse(completion(response), headers={"cache-control": "no-store"})
