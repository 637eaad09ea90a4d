"""One shell kept open on the phone for short commands: a call costs a round trip instead of a new stream and process.

Each command runs in a subshell with no standard input, so that `exit`, `cd` or a reader of stdin do no harm, and is
followed by a random end marker on both outputs, with the exit code on stdout. Whatever breaks the pattern (a deadline,
too much output, a command that kills the shell) costs the channel, not the next call: that one opens a new shell.
A command must not leave a background child that goes on printing.
"""

import secrets
from collections.abc import Sequence

from bridge.adb.faults import from_phone
from bridge.adb.packets import Exited, ShellParser, stdin_packet
from bridge.adb.quoting import command_line
from bridge.adb.shell import Output
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
                connection = self._connection or await self._open()
                await connection.send(stdin_packet(_request(command, marker)))
                return await self._collect(connection, marker, Output(limit, 2 * len(marker) + _CODE))
        except BaseException:
            self.close()  # what it still prints would be taken for the next command's
            raise
        finally:
            self.busy = False

    async def _open(self) -> Connection:
        self._parser = ShellParser()
        self._connection = await self._phone.open(b"shell,v2,raw:exec sh")
        return self._connection

    async def _collect(self, connection: Connection, marker: bytes, output: Output) -> ShellResult:
        while True:
            for event in self._parser.feed(await connection.read()):
                if isinstance(event, Exited):  # the command ended its shell, as it would have ended one of its own
                    self.close()
                    return ShellResult(bytes(output.stdout), bytes(output.stderr), event.code)
                output.add(event)
            result = _finished(output, marker)
            if result is not None:
                return result

    def close(self) -> None:
        """Give the shell back; the next call opens another. Safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _request(command: bytes, marker: bytes) -> bytes:
    return b"(%b)</dev/null;echo %b$?;echo %b>&2\n" % (command, marker, marker)


def _finished(output: Output, marker: bytes) -> ShellResult | None:
    """The result once the marker stands at the end of both outputs."""
    if not (output.stdout.endswith(b"\n") and output.stderr.endswith(marker + b"\n")):
        return None
    _, found, code = bytes(output.stdout[-len(marker) - _CODE :]).rpartition(marker)
    if not found or not code.strip().isdigit():
        return None
    end = len(output.stdout) - len(marker) - len(code)
    return ShellResult(bytes(output.stdout[:end]), bytes(output.stderr[: -len(marker) - 1]), int(code))
