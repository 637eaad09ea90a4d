"""Forward tunnels: the laptop listens, the phone answers. The adb server keeps them and drops them with the phone.

Only what is named is ever removed; other tools have forwards as well.
"""

from dataclasses import dataclass

from bridge.adb.deadlines import within
from bridge.adb.faults import RefusedError, from_phone, from_server
from bridge.adb.smartsocket import AdbAddress, Connection, PhoneAddress
from bridge.errors import AdbUnreachable

__all__ = ["ForwardEntry", "add_forward", "list_forwards", "listens", "parse_forward_list", "remove_forward"]

_FIELDS = 3


@dataclass(frozen=True, slots=True)
class ForwardEntry:
    """One line of `adb forward --list`: whose, where the laptop listens, where the phone is asked."""

    serial: str
    local: str
    remote: str


def parse_forward_list(text: str) -> list[ForwardEntry]:
    """The server's answer to `host:list-forward`. A serial may hold spaces."""
    lines = (line.rsplit(" ", _FIELDS - 1) for line in text.splitlines())
    return [ForwardEntry(*line) for line in lines if len(line) == _FIELDS and all(line)]


async def add_forward(address: AdbAddress, serial: str, local: str, remote: str, *, deadline: float = 10.0) -> str:
    """Listen at `local` on the laptop; what is there already is left alone. Gives `local`, for `tcp:0` as it became.

    Raises `DeviceLost`, or `DeviceUnusable` where the port is taken.
    """
    doing = f"adb forward {local}"
    async with within(deadline, doing, serial=serial):
        with from_phone(serial, doing):
            connection = await Connection.open(address)
            try:
                await connection.request(f"host-serial:{serial}:forward:norebind:{local};{remote}")
                await connection.status()
                if local != "tcp:0":
                    return local
                return f"tcp:{int(await connection.block())}"
            except ValueError:
                raise AdbUnreachable(f"the adb server at {address} tells no port", hint="is it a newer adb?") from None
            finally:
                connection.close()


async def list_forwards(address: AdbAddress, *, deadline: float = 5.0) -> list[ForwardEntry]:
    """The forwards of all phones."""
    async with within(deadline, "adb forward --list"):
        with from_server(str(address)):
            connection = await Connection.open(address)
            try:
                await connection.request("host:list-forward")
                return parse_forward_list((await connection.block()).decode(errors="replace"))
            finally:
                connection.close()


async def remove_forward(address: AdbAddress, entry: ForwardEntry, *, deadline: float = 5.0) -> None:
    """Listen there no more; when it is gone already, or leads elsewhere by now, that is fine."""
    if entry not in await list_forwards(address, deadline=deadline):
        return
    async with within(deadline, f"adb forward --remove {entry.local}", serial=entry.serial):
        with from_server(str(address)):
            connection = await Connection.open(address)
            try:
                await connection.request(f"host-serial:{entry.serial}:killforward:{entry.local}")
                await connection.status()
            except RefusedError as error:
                if "not found" not in error.text:  # the phone or the forward went in between
                    raise
            finally:
                connection.close()


async def listens(phone: PhoneAddress, remote: str, *, deadline: float = 5.0) -> bool:
    """Whether a program on the phone answers there: a forward accepts connections with nobody behind it."""
    async with within(deadline, f"knocking at {remote}", serial=phone.serial):
        with from_phone(phone.serial, f"knocking at {remote}"):
            try:
                connection = await phone.open(remote)
            except RefusedError as error:
                if "closed" not in error.text:
                    raise
                return False
            connection.close()
            return True
