"""Frames on the pipes between the host and an engine's process: a JSON object and raw bytes, each with its length.

Pure. JSON in ASCII, so that any text a Python string can hold goes through, halves of characters too.
"""

import json
import struct
from typing import Any, Final, NamedTuple

__all__ = ["Frame", "FrameError", "FrameReader", "Json", "encode"]

Json = dict[str, Any]

_HEAD: Final = struct.Struct(">II")
MAX_JSON: Final = 32 * 1024 * 1024
"""A question of the largest body that the host takes, with every character escaped."""
MAX_BLOB: Final = 256 * 1024 * 1024


class FrameError(Exception):
    """What came, or should go, is no frame within the limits."""


class Frame(NamedTuple):
    """One message and the bytes that belong to it."""

    message: Json
    blob: bytes = b""


def encode(message: Json, blob: bytes = b"") -> bytes:
    """One frame as bytes. Raises `FrameError` when it is larger than any reader takes."""
    text = json.dumps(message, separators=(",", ":")).encode("ascii")
    if len(text) > MAX_JSON or len(blob) > MAX_BLOB:
        raise FrameError("too large for one frame")
    return _HEAD.pack(len(text), len(blob)) + text + blob


class FrameReader:
    """Takes bytes as they come and gives the frames that are whole. Raises `FrameError`; nothing can be read after."""

    def __init__(self, *, max_json: int = MAX_JSON, max_blob: int = MAX_BLOB) -> None:
        self._max_json = max_json
        self._max_blob = max_blob
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        while (frame := self._read(start)) is not None:
            frames.append(frame[0])
            start = frame[1]
        del self._buffer[:start]
        return frames

    def _read(self, start: int) -> tuple[Frame, int] | None:
        body = start + _HEAD.size
        if len(self._buffer) < body:
            return None
        text_size, blob_size = _HEAD.unpack_from(self._buffer, start)
        if text_size > self._max_json or blob_size > self._max_blob:
            raise FrameError("announced larger than allowed")
        middle, end = body + text_size, body + text_size + blob_size
        if len(self._buffer) < end:
            return None
        return Frame(_decode(bytes(self._buffer[body:middle])), bytes(self._buffer[middle:end])), end


def _decode(text: bytes) -> Json:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise FrameError("no JSON") from None
    if not isinstance(message, dict):
        raise FrameError("no JSON object")
    return message
