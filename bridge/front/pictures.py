"""This phone's pictures over HTTP: brought by its page, shown on it, deleted by it. No other phone's.

A picture that the page brings is in the spool before it is acknowledged, as one of the camera is: it survives the
laptop's bad moments, has a `capture_id`, and is at the host when a question needs it.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from bridge.captures.ending import judge_file
from bridge.errors import BridgeError
from bridge.front.body import chunks
from bridge.session import Session
from bridge.spool import MAX_PICTURE_BYTES, Capture, SpoolFull
from bridge.spool.blobs import full_disk_told
from host_server.wire.errors import WireError
from host_server.wire.ids import capture_file_id, is_sha256

__all__ = ["MAX_AT_ONCE", "pictures_of"]

MAX_AT_ONCE = 4
_PRIVATE = {"cache-control": "private, no-store", "content-security-policy": "default-src 'none'; sandbox"}
_Route = Callable[[Request], Awaitable[Response]]


def pictures_of(session: Session) -> _Route:
    """The route of one picture, all its methods."""
    coming = asyncio.BoundedSemaphore(MAX_AT_ONCE)

    async def picture(request: Request) -> Response:
        sha256 = request.path_params["sha256"]
        if not is_sha256(sha256):
            raise WireError("not_found", "A picture is named by its sha256.")
        if request.method == "DELETE":
            return await _deleted(session, sha256)
        if request.method != "PUT":
            return _shown(session, sha256)
        if coming.locked():
            raise WireError("too_many_inflight", "Other pictures are still arriving.", retry_after_ms=1000)
        async with coming:
            return await _brought(session, request, sha256)

    return picture


def _shown(session: Session, sha256: str) -> Response:
    own = session.album.find(sha256)
    if own is None:
        raise WireError("capture_not_found", "This phone took no such picture.")
    path, media_type = own
    return FileResponse(path, media_type=media_type, headers=_PRIVATE)


async def _deleted(session: Session, sha256: str) -> Response:
    at_host = await session.album.delete(sha256)
    if at_host is None:
        raise WireError("capture_not_found", "This phone took no such picture.")
    return _json(_about(sha256) | {"deleted": True, "host": "deleted" if at_host else "later"})


async def _brought(session: Session, request: Request, sha256: str) -> Response:
    """Take a picture in. It counts once it is journalled; until then it is a temp file that nobody sees."""
    temp = session.album.incoming()
    try:
        with full_disk_told():
            size = await _received(request, temp, sha256)
            verdict = await asyncio.to_thread(judge_file, temp)
            if verdict.media_type == "application/octet-stream":
                raise WireError("image_format", "A picture is JPEG or PNG.")
            capture = await session.album.bring(temp, sha256=sha256, size=size, media_type=verdict.media_type)
    except SpoolFull as error:
        raise WireError("storage_full", error.message) from error
    except BridgeError as error:
        raise WireError("internal", error.message) from error
    finally:
        await asyncio.to_thread(temp.unlink, missing_ok=True)
    return _json(_about(sha256) | _details(capture), status=201)


async def _received(request: Request, temp: Path, sha256: str) -> int:
    """Write the body to a file, durably; gives its size."""
    digest, size = hashlib.sha256(), 0
    with await asyncio.to_thread(temp.open, "xb") as file:
        async for chunk in chunks(request, limit=MAX_PICTURE_BYTES, code="image_too_large"):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        if digest.hexdigest() != sha256:
            raise WireError("hash_mismatch", "The picture is not the one its name says.")
        await asyncio.to_thread(_to_disk, file)
    return size


def _to_disk(file: BinaryIO) -> None:
    import os

    file.flush()
    os.fsync(file.fileno())


def _about(sha256: str) -> dict[str, Any]:
    return {"id": capture_file_id(sha256), "object": "capture", "sha256": sha256}


def _details(capture: Capture) -> dict[str, Any]:
    return {"capture_id": capture.capture_id, "bytes": capture.size, "media_type": capture.media_type}


def _json(body: dict[str, Any], *, status: int = 200) -> Response:
    return JSONResponse(body, status, headers={"cache-control": "no-store"})
