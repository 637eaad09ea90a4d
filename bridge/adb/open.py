"""From a line of the device list to a `Transport` that works."""

from bridge.adb.deadlines import within
from bridge.adb.devices import DeviceLine
from bridge.adb.faults import from_phone
from bridge.adb.phone_transport import AdbTransport
from bridge.adb.smartsocket import AdbAddress, PhoneAddress
from bridge.adb.transport import Transport
from bridge.errors import DeviceUnusable

__all__ = ["open_transport"]


async def open_transport(address: AdbAddress, line: DeviceLine, *, deadline: float = 5.0) -> Transport:
    """The phone of that line, by its transport_id. Its features are read now and trusted from here on."""
    if not line.ready:
        raise DeviceUnusable(f"{line.serial} is {line.state}", hint=line.hint, serial=line.serial, state=line.state)
    phone = PhoneAddress(address, line.transport_id, line.serial)
    async with within(deadline, "reading its features", serial=line.serial):
        with from_phone(line.serial, "reading its features"):
            features = await phone.ask_server("features")
    return AdbTransport(phone, frozenset(filter(None, features.strip().split(","))))
