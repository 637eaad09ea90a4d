"""Server-sent events out of bytes, bounded: of an event only its data matters here. Pure.

The format is the WHATWG's (HTML, 9.2.6): lines, `data:` lines of an event joined, an empty line between events.
"""

from typing import Final

from host_server.engines.base import UpstreamError

__all__ = ["Events", "Whole"]

_EVENT_BYTES: Final = 1 << 20
_TOTAL_BYTES: Final = 32 << 20


class Events:
    """`feed` it bytes as they come, then say that this is the `end`: both give the data of events that are whole."""

    def __init__(self, *, event_bytes: int = _EVENT_BYTES, total_bytes: int = _TOTAL_BYTES) -> None:
        self._event_bytes = event_bytes
        self._left = total_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0

    def feed(self, data: bytes) -> list[bytes]:
        """More bytes. Raises `UpstreamError` when it is too much."""
        self._left -= len(data)
        if self._left < 0:
            raise UpstreamError("The upstream's answer has no end.")
        found: list[bytes] = []
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._line += line
            self._end_line(found)
        self._line += rest
        self._check(len(self._line))
        return found

    def end(self) -> list[bytes]:
        """No more bytes: some servers leave out the last line's end."""
        found: list[bytes] = []
        self._end_line(found)
        self._end_event(found)
        return found

    def _end_line(self, found: list[bytes]) -> None:
        line, self._line = bytes(self._line).removesuffix(b"\r"), bytearray()
        if not line:
            self._end_event(found)
            return
        self._check(len(line) + self._data_bytes)
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._data_bytes += len(line)

    def _end_event(self, found: list[bytes]) -> None:
        if self._data:
            found.append(b"\n".join(self._data))
            self._data, self._data_bytes = [], 0

    def _check(self, size: int) -> None:
        if size > self._event_bytes:
            raise UpstreamError("The upstream sent a line without an end.")


class Whole:
    """The same for a server that does not stream, though it was asked to: all of it is one event."""

    def __init__(self, *, event_bytes: int = _EVENT_BYTES) -> None:
        self._event_bytes = event_bytes
        self._body = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """More bytes. Raises `UpstreamError` when it is too much."""
        self._body += data
        if len(self._body) > self._event_bytes:
            raise UpstreamError("The upstream's answer has no end.")
        return []

    def end(self) -> list[bytes]:
        """No more bytes."""
        return [bytes(self._body)]
