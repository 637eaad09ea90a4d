"""Pictures of a question: found, or taken out of a `data:` URL, checked, kept, and prepared for an engine.

All of it is work for the processor or the disk, so it runs in a few threads of its own: the event loop never decodes,
and no burst can make more pictures be decoded at once than there are threads, nor than fit into the memory meant for
them; the picture of a question that somebody waits for goes before those of a batch. What is kept is the picture
without its metadata, under the name of what was sent: a position is never stored.
"""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from host_server import imaging
from host_server.core.question import PreparedPicture, Priority
from host_server.service.bounds import MemoryGate, UploadSlots
from host_server.service.threads import Threads
from host_server.store.blobs import BlobStore
from host_server.store.upload import HashMismatchError, StorageFullError, Upload
from host_server.wire.errors import WireError
from host_server.wire.ids import sha256_of_file_id
from host_server.wire.request import InputImage

__all__ = ["Pictures"]

_ResultT = TypeVar("_ResultT")
_Parameters = ParamSpec("_Parameters")

_BUFFER = 1024 * 1024
_MEMORY = 256 * 1024 * 1024
_UPLOADS_EACH, _UPLOADS = 32, 64
_DATA_URL_TYPES = frozenset({"image/jpeg", "image/jpg", "image/png"})
_NOT_HERE = "This picture is not here (any more); upload it first."


class Pictures:
    """All pictures of all principals; each sees its own."""

    def __init__(self, store: BlobStore, *, threads: int = 2) -> None:
        self._store = store
        self._slots = UploadSlots(each=_UPLOADS_EACH, together=_UPLOADS)
        self._gate = MemoryGate(_MEMORY)
        # Receiving does not wait behind decoding.
        self._receiving = Threads(threads, "receiving")
        self._preparing = Threads(threads, "preparing")

    def close(self) -> None:
        """End the threads; what they are at is finished first."""
        self._receiving.close()
        self._preparing.close()

    def size(self, principal: str, sha256: str) -> int | None:
        """Bytes of an uploaded picture, or None."""
        return self._store.size((principal, sha256))

    @contextmanager
    def held(self, principal: str, pictures: Iterable[str]) -> Generator[None]:
        """Keep these from being evicted inside the block. Raises `WireError`."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._store.held({(principal, sha256) for sha256 in pictures}))
            except KeyError:
                raise WireError("capture_not_found", _NOT_HERE) from None
            yield

    async def read(self, principal: str, sha256: str) -> bytes:
        """The picture as it was uploaded. Raises `WireError`."""
        return await self._receiving.run(lambda: self._read(principal, sha256))

    async def delete(self, principal: str, sha256: str) -> bool:
        """Whether it was here. Raises `WireError` while an answer looks at it."""
        blob = (principal, sha256)
        if self._store.is_held(blob):
            raise WireError("capture_in_use", "An answer is looking at this picture.", retry_after_ms=1000)
        return await self._receiving.run(lambda: self._store.delete(blob))

    async def receive(self, principal: str, sha256: str, chunks: AsyncIterator[bytes]) -> imaging.PictureInfo:
        """Take an upload: to disk as it comes, kept once it is whole and what its name says. Raises `WireError`."""
        with self._slots.one(principal), ExitStack() as stack:
            upload = _stored(stack.enter_context, self._store.upload((principal, sha256)))
            buffer = bytearray()
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                buffer += chunk
                if size > imaging.MAX_BYTES:
                    raise WireError("image_too_large", f"A picture has at most {imaging.MAX_BYTES} bytes.")
                if len(buffer) >= _BUFFER:
                    await self._receiving.run(partial(_stored, upload.write, bytes(buffer)))
                    buffer.clear()
            await self._receiving.run(partial(_stored, upload.write, bytes(buffer)))
            return await self._receiving.run(partial(self._finish, upload, size))

    async def resolve(
        self, principal: str, images: Iterable[InputImage], *, priority: Priority = "interactive"
    ) -> tuple[str, ...]:
        """The sha256 of each picture in a question, all of them here now. Raises `WireError`."""
        return tuple([await self._resolve(principal, image, priority) for image in images])

    async def prepare(
        self, principal: str, sha256: str, *, max_side: int, priority: Priority = "interactive"
    ) -> PreparedPicture:
        """The picture as an engine wants it. Raises `WireError`."""
        return await self._preparing.run(partial(self._prepare, principal, sha256, max_side), priority=priority)

    async def _resolve(self, principal: str, image: InputImage, priority: Priority) -> str:
        if image.file_id is not None:
            sha256 = sha256_of_file_id(image.file_id)
            if sha256 is None or self._store.size((principal, sha256)) is None:
                raise WireError("capture_not_found", _NOT_HERE, param="input")
            return sha256
        url = image.image_url or ""
        return await self._receiving.run(lambda: self._keep_data_url(principal, url), priority=priority)

    def _keep_data_url(self, principal: str, url: str) -> str:
        data = _decode_data_url(url)
        with self._gate.room(3 * len(data)):
            checked = _imaged(imaging.clean, data)
            sha256 = hashlib.sha256(data).hexdigest()
            with ExitStack() as stack:
                upload = _stored(stack.enter_context, self._store.upload((principal, sha256)))
                _stored(upload.finish, checked.data)
        return sha256

    def _finish(self, upload: Upload, size: int) -> imaging.PictureInfo:
        with self._gate.room(3 * size):
            try:
                data = upload.content()
            except HashMismatchError:
                raise WireError("hash_mismatch", "The bytes received are not the ones the address names.") from None
            checked = _imaged(imaging.clean, data)
            _stored(upload.finish, None if checked.data == data else checked.data)
        return checked.info

    def _prepare(self, principal: str, sha256: str, max_side: int) -> PreparedPicture:
        data = self._read(principal, sha256)
        try:
            checked = imaging.clean(data)
        except imaging.ImagingError:  # it was fine when it came
            self._store.discard((principal, sha256))
            raise WireError("capture_not_found", _NOT_HERE) from None
        with self._gate.room(checked.cost(max_side)):
            return _imaged(imaging.prepare_checked, checked, sha256=sha256, max_side=max_side)

    def _read(self, principal: str, sha256: str) -> bytes:
        try:
            return self._store.read((principal, sha256))
        except KeyError:
            raise WireError("capture_not_found", _NOT_HERE) from None


def _decode_data_url(url: str) -> bytes:
    head, comma, body = url.partition(",")
    kind, _, encoding = head.removeprefix("data:").partition(";")
    if not comma or not head.startswith("data:"):
        raise WireError("url_not_allowed", "Only `data:` URLs are read; upload the picture instead.", param="input")
    if kind.lower() not in _DATA_URL_TYPES or encoding != "base64":
        raise WireError("image_format", "A `data:` URL must be image/jpeg or image/png in base64.", param="input")
    if len(body) > imaging.MAX_BYTES * 4 // 3 + 4:
        raise WireError("image_too_large", "The picture is too large.", param="input")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise WireError("invalid_base64_image", "The picture is no base64.", param="input") from None


def _imaged(work: Callable[_Parameters, _ResultT], *args: _Parameters.args, **options: _Parameters.kwargs) -> _ResultT:
    try:
        return work(*args, **options)
    except imaging.ImagingError as error:
        raise WireError(error.code, error.message, param="input") from None


def _stored(work: Callable[_Parameters, _ResultT], *args: _Parameters.args, **options: _Parameters.kwargs) -> _ResultT:
    try:
        return work(*args, **options)
    except StorageFullError:
        raise WireError("storage_full", "There is no room for this picture.") from None
