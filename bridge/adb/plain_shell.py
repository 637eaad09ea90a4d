"""Commands where the daemon has no shell v2 (Android 6 and older): output without exit code, stderr in between.

`exec:` is binary-clean and taken where there is one. Daemons without it have a `shell:` that runs every command on a
terminal, which prints CR LF for each LF; since it does so without exception, taking each CR before an LF away gives
back the very bytes. Random markers in front of the output and behind it tell where it begins, whether there is such a
terminal, where it ends, and the exit code.
"""

import secrets
from collections.abc import AsyncGenerator

from bridge.adb.faults import READY, LinkError, RefusedError
from bridge.adb.output import Output
from bridge.adb.packets import StdoutPiece
from bridge.adb.smartsocket import Connection, PhoneAddress
from bridge.adb.transport import ShellResult
from bridge.errors import DeviceUnusable

__all__ = ["Beginning", "PlainShell"]

_NOISE = 4096  # what a daemon or its linker may say before a command says anything
_CODE = 5  # room for "255\r\n"


class Beginning:
    """What a plain shell prints: noise up to the first marker's line, then the command's bytes as it wrote them."""

    def __init__(self, marker: bytes) -> None:
        self._marker = marker
        self._head = b""
        self._held = b""
        self._begun = self._cooked = False

    def feed(self, data: bytes) -> bytes:
        """The command's bytes in `data`. Raises `DeviceUnusable` when there is no marker."""
        if not self._begun:
            data = self._begin(data)
        if not self._cooked:
            return data
        data = self._held + data
        self._held = b"\r" if data.endswith(b"\r") else b""
        return data.removesuffix(b"\r").replace(b"\r\n", b"\n")

    def end(self) -> bytes:
        """What was held back: a CR that turned out to be the last byte, or all there is without a marker."""
        held, self._head, self._held = self._head + self._held, b"", b""
        return held

    def _begin(self, data: bytes) -> bytes:
        self._head += data
        _, found, rest = self._head.partition(self._marker)
        if found and rest.startswith((b"\n", b"\r\n")):
            self._begun, self._cooked = True, rest.startswith(b"\r")
            self._head = b""
            return rest[2 if self._cooked else 1 :]
        if len(self._head) > _NOISE:
            raise DeviceUnusable(
                "the phone's shell says other things than it was told to", hint="does `adb shell true` work?"
            )
        return b""


class PlainShell:
    """The shells of one phone, a stream a command. Which of the two services it has is found out once."""

    def __init__(self, phone: PhoneAddress) -> None:
        self._phone = phone
        self._execs = True

    async def run(self, command: bytes, limit: int) -> ShellResult:
        """Run one command to its end; the exit code is None when it took its shell with it."""
        marker = secrets.token_hex(16).encode()
        connection = await self._open(b"echo %b;(%b)</dev/null;echo %b$?" % (marker, command, marker))
        beginning, output = Beginning(marker), Output(limit, spare=len(marker) + _CODE)
        try:
            while not _ended(output.stdout, marker):
                output.add(StdoutPiece(beginning.feed(await connection.read())))
        except LinkError:  # either the command killed its shell, or the phone went away
            await _check_still_there(self._phone)
            return ShellResult(bytes(output.stdout) + beginning.end(), b"", None)
        finally:
            connection.close()
        printed, _, code = bytes(output.stdout).rpartition(marker)
        return ShellResult(printed, b"", int(code) if code.strip().isdigit() else None)

    async def follow(self, command: bytes) -> AsyncGenerator[bytes, None]:
        """The bytes of a command that keeps talking, an empty piece first: the phone has taken the command."""
        marker = secrets.token_hex(16).encode()
        connection = await self._open(b"echo %b;%b" % (marker, command))
        beginning = Beginning(marker)
        try:
            yield b""
            while True:
                yield beginning.feed(await connection.read())
        except LinkError:  # it just ends, whatever happened; the server knows whether the phone is gone
            await _check_still_there(self._phone)
            yield beginning.end()
        finally:
            connection.close()

    async def _open(self, command: bytes) -> Connection:
        if self._execs:
            try:
                return await self._phone.open(b"exec:" + command)
            except RefusedError as error:
                if error.text.strip() not in {"", "closed"}:
                    raise
        connection = await self._phone.open(b"shell:" + command)
        self._execs = False
        return connection


async def _check_still_there(phone: PhoneAddress) -> None:
    """A stream just ends, whatever happened; raises `LinkError` when the server says that the phone is gone."""
    state = await phone.ask_server("get-state")
    if state != READY:
        raise LinkError(f"it is {state} now")


def _ended(printed: bytearray, marker: bytes) -> bool:
    """True when the last marker's whole line is there."""
    return printed.endswith(b"\n") and marker in printed[-len(marker) - _CODE :]
