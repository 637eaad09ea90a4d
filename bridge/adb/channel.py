"""One shell kept open on the phone for short commands: a call costs a round trip instead of a new stream and process.

Each command runs in a subshell with no standard input, so that `exit`, `cd` or a reader of stdin do no harm, and is
followed by a random end marker on both outputs, with the exit code on stdout. Whatever breaks the pattern (a deadline,
too much output, a command that kills the shell) costs the channel, not the next call: that one opens a new shell.
A command must not leave a background child that goes on printing: its words would be the next command's.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from bridge.adb.faults import from_phone
from bridge.adb.output import Output
from bridge.adb.packets import Exited, ShellParser, stdin_packet
from bridge.adb.quoting import command_line
from bridge.adb.smartsocket import Connection, PhoneAddress
from bridge.adb.transport import ShellResult

__all__ = ["ShellChannel"]

_CODE = 5  # room for "255\r\n"


class ShellChannel:
    """The kept shell of one phone (shell v2 only). One call at a time: the owner sees to that with `busy`."""

    def __init__(self, phone: PhoneAddress) -> None:
        self._phone = phone
        self._connection: Connection | None = None
        self._parser = ShellParser()
        self.busy = False

    async def run(self, argv: Sequence[str], *, limit: int) -> ShellResult:
        """Run one command to its end. The caller holds the deadline and calls nothing else meanwhile."""
        command = command_line(argv)
        marker = secrets.token_hex(16).encode()
        self.busy = True
        try:
            with from_phone(self._phone.serial, f"`{argv[0]}`"):
                connection = await self._ready()
                await connection.send(stdin_packet(_request(command, marker)))
                return await self._collect(connection, marker, Output(limit, 2 * len(marker) + _CODE))
        except BaseException:
            self.close()  # what it still prints would be taken for the next command's
            raise
        finally:
            self.busy = False

    async def _ready(self) -> Connection:
        """The kept shell, or a new one if that ended, or said something, while nobody asked."""
        if self._connection is not None and self._connection.quiet:
            return self._connection
        self.close()
        self._parser = ShellParser()
        self._connection = await self._phone.open(b"shell,v2,raw:exec sh")
        return self._connection

    async def _collect(self, connection: Connection, marker: bytes, output: Output) -> ShellResult:
        while True:
            events = self._parser.feed(await connection.read())
            for number, event in enumerate(events, start=1):
                if isinstance(event, Exited):  # the command ended its shell, as it would have ended one of its own
                    self.close()
                    return ShellResult(bytes(output.stdout), bytes(output.stderr), event.code)
                output.add(event)
                end = _find_end(output, marker)
                if end is not None:
                    if end.noise or number < len(events):  # nobody was asked that
                        self.close()
                    return end.result

    def close(self) -> None:
        """Give the shell back; the next call opens another. Safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _request(command: bytes, marker: bytes) -> bytes:
    return b"(%b)</dev/null;echo %b$?;echo %b>&2\n" % (command, marker, marker)


@dataclass(frozen=True, slots=True)
class _End:
    result: ShellResult
    noise: bool


def _find_end(output: Output, marker: bytes) -> _End | None:
    """The result, once the marker's line stands on both outputs; noise is what came behind it."""
    error, found, after_error = bytes(output.stderr).partition(marker + b"\n")
    last = re.search(re.escape(marker) + rb"(\d{1,3})\r?\n", output.stdout) if found else None
    if last is None:
        return None
    result = ShellResult(bytes(output.stdout[: last.start()]), error, int(last[1]))
    return _End(result, noise=bool(after_error) or last.end() < len(output.stdout))
