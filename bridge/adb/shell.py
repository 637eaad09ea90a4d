"""Commands on the phone, a stream each: run one to its end, or follow one that keeps talking.

With `shell_v2` (Android 7 and later) stdout, stderr and the exit code come apart; `plain_shell` is for the others.
"""

from collections.abc import AsyncGenerator, Sequence

from bridge.adb.deadlines import within
from bridge.adb.faults import from_phone, spoken
from bridge.adb.output import LineSplitter, Output
from bridge.adb.packets import CLOSE_STDIN, Exited, ShellParser, StderrPiece, StdoutPiece
from bridge.adb.plain_shell import PlainShell
from bridge.adb.quoting import command_line
from bridge.adb.smartsocket import PhoneAddress
from bridge.adb.transport import ShellResult
from bridge.errors import DeviceUnusable

__all__ = ["follow", "run"]

_OPENING = 10.0  # seconds until a command that keeps talking has started
_KEPT_STDERR = 2_000


async def run(phone: PhoneAddress, argv: Sequence[str], *, plain: PlainShell | None, limit: int) -> ShellResult:
    """Run one command to its end, on the plain shell where the phone has no other. The caller holds the deadline."""
    command = command_line(argv)
    with from_phone(phone.serial, f"`{argv[0]}`"):
        return await (plain.run(command, limit) if plain is not None else _run_v2(phone, command, limit))


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


async def follow(
    phone: PhoneAddress, argv: Sequence[str], *, plain: PlainShell | None, limit: int
) -> AsyncGenerator[bytes, None]:
    """The lines of a command that keeps talking. Closing the iterator closes the stream, and adbd ends the command.

    The iterator ends when the command does, with an error if that is one: a non-zero exit, or the phone gone.
    """
    command, doing = command_line(argv), f"`{argv[0]}`"
    pieces = plain.follow(command) if plain is not None else _follow_v2(phone, command, doing)
    splitter = LineSplitter(limit)
    try:
        async with within(_OPENING, f"starting {doing}", serial=phone.serial):
            with from_phone(phone.serial, doing):
                await anext(pieces)  # it has started
        while (data := await _next(pieces, phone, doing)) is not None:
            for line in splitter.feed(data):
                yield line
        for line in splitter.end():
            yield line
    finally:
        await pieces.aclose()


async def _next(pieces: AsyncGenerator[bytes, None], phone: PhoneAddress, doing: str) -> bytes | None:
    with from_phone(phone.serial, doing):
        return await anext(pieces, None)


async def _follow_v2(phone: PhoneAddress, command: bytes, doing: str) -> AsyncGenerator[bytes, None]:
    """The stdout of a running command, an empty piece first; its stderr's last words are kept for the error."""
    connection = await phone.open(b"shell,v2,raw:" + command)
    parser, stderr = ShellParser(), b""
    try:
        yield b""
        while True:
            for event in parser.feed(await connection.read()):
                match event:
                    case StdoutPiece(piece):
                        yield piece
                    case StderrPiece(piece):
                        stderr = (stderr + piece)[-_KEPT_STDERR:]
                    case Exited(code):
                        if code:
                            raise _failed(phone.serial, doing, code, stderr)
                        return
    finally:
        connection.close()


def _failed(serial: str, doing: str, code: int, stderr: bytes) -> DeviceUnusable:
    words = spoken(stderr.decode(errors="replace"))
    text = f"{serial}: {doing} ended with {code}"
    return DeviceUnusable(
        f"{text}: {words}" if words else text, hint="does the phone have that command?", exit_code=code
    )
