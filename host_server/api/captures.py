"""`/v1/captures/<sha256>`: pictures come in by their content's name, so sending one twice is free."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from host_server import imaging
from host_server.api.body import chunks
from host_server.api.caller import owner
from host_server.api.limits import ApiLimits
from host_server.wire.errors import WireError
from host_server.wire.ids import capture_file_id, is_sha256

if TYPE_CHECKING:
    from host_server.service import Service

__all__ = ["captures_router"]


def captures_router(service: "Service", *, limits: ApiLimits) -> APIRouter:
    """The routes, bound to this service."""
    router = APIRouter(prefix="/v1/captures")
    pictures = service.pictures

    @router.put("/{sha256}")
    async def put(request: Request, sha256: Annotated[str, Depends(_sha256)]) -> Response:
        """Bring a picture; its sha256 in the path is the acknowledgement, and bringing it again is free."""
        mine = owner(request)
        known = pictures.size(mine, sha256) is not None
        if service.draining:
            raise WireError("server_draining", "The host is about to end.", retry_after_ms=5000)
        body = chunks(request, limits, limit=imaging.MAX_BYTES, code="image_too_large")
        info = await pictures.receive(mine, sha256, body)
        about = {"bytes": info.size, "media_type": info.media_type, "width": info.width, "height": info.height}
        return _json(_capture(sha256) | about, status=200 if known else 201)

    @router.head("/{sha256}")
    async def head(request: Request, sha256: Annotated[str, Depends(_sha256)]) -> Response:
        """Whether a picture is here."""
        size = pictures.size(owner(request), sha256)
        if size is None:
            return Response(status_code=404)
        return Response(headers={"content-length": str(size), "etag": f'"{sha256}"'})

    @router.get("/{sha256}")
    async def get(request: Request, sha256: Annotated[str, Depends(_sha256)]) -> Response:
        """The picture."""
        data = await pictures.read(owner(request), sha256)
        headers = {
            "cache-control": "private, no-store",
            "content-security-policy": "default-src 'none'; sandbox",
            "etag": f'"{sha256}"',
            "x-content-type-options": "nosniff",
        }
        return Response(data, media_type=imaging.sniff(data[: imaging.SNIFF_BYTES]), headers=headers)

    @router.delete("/{sha256}")
    async def delete(request: Request, sha256: Annotated[str, Depends(_sha256)]) -> Response:
        """Remove the picture."""
        if not await service.delete_picture(owner(request), sha256):
            raise WireError("capture_not_found", "This picture is not here.")
        return _json(_capture(sha256) | {"deleted": True})

    return router


def _sha256(sha256: str) -> str:
    if not is_sha256(sha256):
        raise WireError("invalid_request", "A picture is named by its sha256 in lower-case hex.", param="sha256")
    return sha256


def _capture(sha256: str) -> dict[str, Any]:
    return {"id": capture_file_id(sha256), "object": "capture", "sha256": sha256}


def _json(body: dict[str, Any], *, status: int = 200) -> Response:
    return JSONResponse(body, status, headers={"cache-control": "no-store"})
