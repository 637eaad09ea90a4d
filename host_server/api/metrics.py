"""`GET /metrics`, for Prometheus; it shows its key like everybody else."""

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from host_server.observe.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from host_server.service import Service

__all__ = ["metrics_router"]


def metrics_router(service: "Service") -> APIRouter:
    """The route, bound to this service."""
    router = APIRouter()

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:  # in a thread: a page of text is made, while answers go on
        """Everything that is counted, in Prometheus' text format."""
        return PlainTextResponse(service.exposition(), headers={"cache-control": "no-store"}, media_type=CONTENT_TYPE)

    return router
