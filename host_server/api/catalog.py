"""What this host offers and how it is: `/v1/models`, `/health/live` (open to all), `/health/ready`."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from host_server.wire.errors import WireError

if TYPE_CHECKING:
    from host_server.engines.base import EngineInfo
    from host_server.service import Service

__all__ = ["catalog_router"]


def catalog_router(service: "Service", *, started_at: int, version: str) -> APIRouter:
    """The routes, bound to this service."""
    router = APIRouter()

    @router.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The engines of this host, the default one first."""
        return {"object": "list", "data": [_model(engine.info, started_at) for engine in service.engines.engines]}

    @router.get("/v1/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        """One engine, by its name or its model's."""
        keeper = service.engines.find(name)
        if keeper is None:
            raise WireError("model_not_found", "No such model here.", param="model")
        return _model(keeper.engine.info, started_at)

    @router.get("/health/live")
    async def live() -> dict[str, Any]:
        """Whether the host answers at all; open to everybody."""
        return {"live": True}

    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        """Whether a question would be taken now, and if not, why."""
        reasons = service.reasons()
        body = {
            "ready": not reasons,
            "reasons": reasons,
            "version": version,
            "engines": service.engines.states,
            "queue": service.queue,
            "busy": service.busy,
        }
        return JSONResponse(body, 503 if reasons else 200, headers={"cache-control": "no-store"})

    return router


def _model(info: "EngineInfo", started_at: int) -> dict[str, Any]:
    return {
        "id": info.name,
        "object": "model",
        "created": started_at,
        "owned_by": info.owner,
        "answers_with": info.model,
        "description": info.description,
        "takes_images": info.takes_images,
        "reads_only": info.reads_only,
    }
