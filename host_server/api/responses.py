"""`/v1/responses` on HTTP: ask (JSON or SSE, as the body says), read or resume, cancel, delete."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from host_server.api.body import JsonBodies
from host_server.api.caller import idempotency_key, owner
from host_server.api.event_stream import EventStream, WholeAnswer
from host_server.wire.page import MAX_PAGE, page
from host_server.wire.request import parse_create

if TYPE_CHECKING:
    from host_server.service import Service

__all__ = ["responses_router"]


def responses_router(service: "Service", *, bodies: JsonBodies) -> APIRouter:
    """The routes, bound to this service."""
    router = APIRouter(prefix="/v1/responses")

    @router.post("")
    async def ask(request: Request) -> Response:
        """Ask: the whole answer as JSON, or its events as they come with `"stream": true` in the body."""
        create = parse_create(await bodies.read(request))
        answer = await service.ask(owner(request), create, key=idempotency_key(request))
        return EventStream(answer) if create.stream else WholeAnswer(answer)

    @router.get("/{response_id}")
    async def read(
        request: Request,
        response_id: str,
        *,
        stream: bool = False,
        starting_after: Annotated[int, Query(ge=-1)] = -1,
    ) -> Response:
        """The answer as it stands, or with `stream=true` its events after `starting_after` and then live."""
        answer = service.find(owner(request), response_id)
        return EventStream(answer, cursor=starting_after) if stream else _json(answer.response())

    @router.post("/{response_id}/cancel")
    async def cancel(request: Request, response_id: str) -> Response:
        """Stop the engine; gives the answer as it ended."""
        answer = service.find(owner(request), response_id)
        answer.cancel("client")
        return WholeAnswer(answer)

    @router.get("/{response_id}/input_items")
    async def input_items(
        request: Request,
        response_id: str,
        *,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20,
        order: Literal["asc", "desc"] = "desc",
        after: str | None = None,
    ) -> Response:
        """What was asked, page by page."""
        answer = service.find(owner(request), response_id)
        return _json(page(answer.items, limit=limit, order=order, after=after))

    @router.delete("/{response_id}")
    async def delete(request: Request, response_id: str) -> Response:
        """Forget the answer, stopping it first."""
        service.delete(owner(request), response_id)
        return _json({"id": response_id, "object": "response", "deleted": True})

    return router


def _json(body: dict[str, Any]) -> Response:
    return JSONResponse(body, headers={"cache-control": "no-store"})
