"""What a command on the phone prints, kept within limits or cut into lines. Pure."""

from collections.abc import Iterator

from bridge.adb.packets import StderrPiece, StdoutPiece
from bridge.errors import DeviceUnusable

__all__ = ["LineSplitter", "Output"]


class Output:
    """What a command printed so far: at most `limit` bytes, and `spare` for a marker of ours."""

    def __init__(self, limit: int, spare: int = 0) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._limit, self._spare = limit, spare

    def add(self, event: StdoutPiece | StderrPiece) -> None:
        """Keep a piece. Raises DeviceUnusable when that is too much."""
        kept = self.stdout if isinstance(event, StdoutPiece) else self.stderr
        kept += event.data
        if len(self.stdout) + len(self.stderr) > self._limit + self._spare:
            raise DeviceUnusable(
                f"the phone's command printed more than {self._limit} bytes",
                hint="let it write to a file and pull the file",
            )


class LineSplitter:
    """Bytes in, whole lines out, without their ends; a line of more than `limit` bytes is refused."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._limit or any(len(line) > self._limit for line in lines):
            raise DeviceUnusable(
                f"the phone sent a line of more than {self._limit} bytes", hint="is that the right command?"
            )
        return lines

    def end(self) -> Iterator[bytes]:
        """The last line, if the command ended in the middle of one."""
        if self._rest:
            yield self._rest
            self._rest = b""
