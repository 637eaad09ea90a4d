"""Commands on the phone, a stream each: run one to its end, or follow one that keeps talking.

With `shell_v2` (Android 7 and later) stdout, stderr and the exit code come apart. Without it `exec:` is used, which is
binary-clean, has both outputs in one, and gets its exit code from a random marker printed behind them.
"""

import secrets
from collections.abc import AsyncGenerator, Iterator, Sequence

from bridge.adb.deadlines import within
from bridge.adb.faults import READY, LinkError, from_phone
from bridge.adb.packets import CLOSE_STDIN, Exited, ShellParser, StderrPiece, StdoutPiece
from bridge.adb.quoting import command_line
from bridge.adb.smartsocket import Connection, PhoneAddress
from bridge.adb.transport import ShellResult
from bridge.errors import DeviceUnusable

__all__ = ["LineSplitter", "Output", "follow", "run"]

_OPENING = 10.0  # seconds until a command that keeps talking has started
_KEPT_STDERR = 2_000


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


async def run(phone: PhoneAddress, argv: Sequence[str], *, v2: bool, limit: int) -> ShellResult:
    """Run one command to its end. The caller holds the deadline."""
    command = command_line(argv)
    with from_phone(phone.serial, f"`{argv[0]}`"):
        return await (_run_v2 if v2 else _run_v1)(phone, command, limit)


async def _run_v2(phone: PhoneAddress, command: bytes, limit: int) -> ShellResult:
    connection = await phone.open(b"shell,v2,raw:" + command)
    try:
        await connection.send(CLOSE_STDIN)
        parser, output = ShellParser(), Output(limit)
        while True:
            for event in parser.feed(await connection.read()):
                if isinstance(event, Exited):
                    return ShellResult(bytes(output.stdout), bytes(output.stderr), event.code)
                output.add(event)
    finally:
        connection.close()


async def _run_v1(phone: PhoneAddress, command: bytes, limit: int) -> ShellResult:
    marker = secrets.token_hex(16).encode()
    connection = await phone.open(b"exec:(" + command + b") </dev/null; echo " + marker + b"$?")
    output = Output(limit, spare=2 * len(marker))
    try:
        while not _ended(output.stdout, marker):
            output.add(StdoutPiece(await connection.read()))
    except LinkError:  # either the command killed its shell, or the phone went away
        await _check_still_there(phone)
        return ShellResult(bytes(output.stdout), b"", None)
    finally:
        connection.close()
    printed, _, code = bytes(output.stdout).rpartition(marker)
    return ShellResult(printed, b"", int(code) if code.strip().isdigit() else None)


async def _check_still_there(phone: PhoneAddress) -> None:
    """`exec:` just ends, whatever happened; the server knows whether the phone is gone."""
    state = await phone.ask_server("get-state")
    if state != READY:
        raise LinkError(f"it is {state} now")


def _ended(printed: bytearray, marker: bytes) -> bool:
    """True when the marker's whole line is there."""
    return printed.endswith(b"\n") and marker in printed[-len(marker) - 8 :]


async def follow(phone: PhoneAddress, argv: Sequence[str], *, v2: bool, limit: int) -> AsyncGenerator[bytes, None]:
    """The lines of a command that keeps talking. Closing the iterator closes the stream, and adbd ends the command.

    The iterator ends when the command does, with an error if that is one: a non-zero exit, or the phone gone.
    """
    command, doing = command_line(argv), f"`{argv[0]}`"
    async with within(_OPENING, f"starting {doing}", serial=phone.serial):
        with from_phone(phone.serial, doing):
            connection = await phone.open((b"shell,v2,raw:" if v2 else b"exec:") + command)
    splitter, source = LineSplitter(limit), _Following(phone, connection, doing, v2=v2)
    try:
        while data := await source.read():
            for line in splitter.feed(data):
                yield line
        for line in splitter.end():
            yield line
    finally:
        connection.close()


class _Following:
    """The stdout of one running command; its stderr's last words are kept for the error."""

    def __init__(self, phone: PhoneAddress, connection: Connection, doing: str, *, v2: bool) -> None:
        self._phone, self._connection, self._doing = phone, connection, doing
        self._parser = ShellParser() if v2 else None
        self._stderr = b""
        self._ended = False

    async def read(self) -> bytes:
        """The next bytes; empty when the command ended well."""
        with from_phone(self._phone.serial, self._doing):
            if self._parser is None:
                return await self._read_v1()
            data = b""
            while not (data or self._ended):
                data = self._take(self._parser.feed(await self._connection.read()))
            return data

    def _take(self, events: Sequence[StdoutPiece | StderrPiece | Exited]) -> bytes:
        data = b""
        for event in events:
            match event:
                case StdoutPiece(piece):
                    data += piece
                case StderrPiece(piece):
                    self._stderr = (self._stderr + piece)[-_KEPT_STDERR:]
                case Exited(code):
                    self._ended = True
                    if code:
                        raise self._failed(code)
        return data

    def _failed(self, code: int) -> DeviceUnusable:
        words = " ".join(self._stderr.decode(errors="replace").split())
        text = f"{self._phone.serial}: {self._doing} ended with {code}"
        return DeviceUnusable(
            f"{text}: {words}" if words else text, hint="does the phone have that command?", exit_code=code
        )

    async def _read_v1(self) -> bytes:
        """`exec:` ends without a word, so ask whether the phone is still there."""
        try:
            return await self._connection.read()
        except LinkError:
            async with within(_OPENING, "asking for its state", serial=self._phone.serial):
                await _check_still_there(self._phone)
            return b""
