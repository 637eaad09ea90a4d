"""Reverse tunnels: the phone listens, the laptop answers.

Ask for `tcp:localhost:PORT`: plain `tcp:PORT` lets the phone listen on its Wi-Fi too. Its daemon lists either as
`tcp:PORT`, so listeners are compared by port. Only what is named is ever removed; other tools have reverses as well.
"""

from collections.abc import Generator
from contextlib import contextmanager

from bridge.adb.faults import NoReverse, RefusedError, from_phone
from bridge.adb.smartsocket import PhoneAddress
from bridge.adb.transport import ReverseEntry

__all__ = ["add_reverse", "list_reverses", "parse_reverse_list", "remove_reverse", "same_listener"]

_FIELDS = 3  # "UsbFfs tcp:8017 tcp:40001": the first says how the phone is connected


def same_listener(one: str, other: str) -> bool:
    """True when both name one listening place on the phone."""
    return _plain(one) == _plain(other)


def _plain(spec: str) -> str:
    kind, _, rest = spec.partition(":")
    return f"tcp:{rest.rpartition(':')[2]}" if kind == "tcp" else spec


def parse_reverse_list(text: str) -> list[ReverseEntry]:
    """The daemon's answer to `reverse:list-forward`."""
    lines = (line.split() for line in text.splitlines())
    return [ReverseEntry(remote=line[1], local=line[2]) for line in lines if len(line) == _FIELDS]


async def add_reverse(phone: PhoneAddress, remote: str, local: str, *, norebind: bool) -> None:
    """Listen at `remote` on the phone. What is there already for the same `local` is fine.

    adbd cannot rebind `tcp:localhost:P`: it has it listed as `tcp:P`, tries to listen again and finds the port taken.
    So the old one is removed first, unless `norebind` forbids that.
    """
    with _reverse(phone.serial, f"adb reverse {remote}"):
        try:
            await _ask(phone, f"reverse:forward:{'norebind:' if norebind else ''}{remote};{local}")
        except RefusedError:
            present = [entry for entry in await _list(phone) if same_listener(entry.remote, remote)]
            if any(entry.local == local for entry in present):
                return
            if norebind or not present:
                raise
            await _remove(phone, remote)
            await _ask(phone, f"reverse:forward:{remote};{local}")


async def list_reverses(phone: PhoneAddress) -> list[ReverseEntry]:
    """All of this phone's reverses."""
    with _reverse(phone.serial, "adb reverse --list"):
        return await _list(phone)


async def remove_reverse(phone: PhoneAddress, remote: str) -> None:
    """Stop listening at `remote`; nothing there is fine."""
    with _reverse(phone.serial, f"adb reverse --remove {remote}"):
        await _remove(phone, remote)


@contextmanager
def _reverse(serial: str, doing: str) -> Generator[None, None, None]:
    """As `from_phone`; a daemon that just closes has no such service."""
    with from_phone(serial, doing):
        try:
            yield
        except RefusedError as error:
            if error.text.strip() != "closed":
                raise
            raise NoReverse(
                f"{serial}: its adb daemon has no `adb reverse`",
                hint="Android 5 and later have it: update the phone, or use its camera app and the camera folder",
                serial=serial,
            ) from error


async def _remove(phone: PhoneAddress, remote: str) -> None:
    for entry in await _list(phone):
        if same_listener(entry.remote, remote):
            try:
                await _ask(phone, f"reverse:killforward:{entry.remote}")
            except RefusedError as error:
                if "not found" not in error.text:  # somebody else was quicker
                    raise


async def _list(phone: PhoneAddress) -> list[ReverseEntry]:
    connection = await phone.open("reverse:list-forward")
    try:
        return parse_reverse_list((await connection.block()).decode(errors="replace"))
    finally:
        connection.close()


async def _ask(phone: PhoneAddress, service: str) -> None:
    """One command to the phone's daemon; its own OKAY follows the stream's."""
    connection = await phone.open(service)
    try:
        await connection.status()
    finally:
        connection.close()
