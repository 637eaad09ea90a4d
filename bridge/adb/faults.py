"""adb's words, translated: every text an adb server or a phone's daemon refuses with becomes one of our errors here.

The texts are stable between adb 29 and 36 (field study 3.2). What is not recognised is passed on word for word.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager

from bridge.errors import AdbUnreachable, BridgeError, DeadlinePassed, DeviceLost, DeviceUnusable

__all__ = [
    "READY",
    "ChangedError",
    "FileChanged",
    "GarbledError",
    "LinkError",
    "NoReverse",
    "NobodyListensError",
    "RefusedError",
    "StalledError",
    "from_phone",
    "from_server",
    "phone_refusal",
    "spoken",
    "state_hint",
]

READY = "device"


class RefusedError(Exception):
    """An adb server or a phone's daemon answered FAIL, with its reason. Never leaves this package."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class NoReverse(DeviceUnusable):
    """The phone's daemon cannot lead a port of the phone to the laptop, now or ever: there is no page on this phone."""


class FileChanged(DeviceUnusable):
    """A file changed while it was copied; in a moment it may be whole."""


class LinkError(Exception):
    """The other side closed, or spoke something that is not the protocol. Never leaves this package."""


class GarbledError(LinkError):
    """A phone's daemon sent something that is not the protocol. The phone may still be there."""


class ChangedError(LinkError):
    """A file was not what the phone had said it was: it is being written, or the phone lies."""


class StalledError(LinkError):
    """A phone fell silent in the middle of an answer, with its connection alive."""


class NobodyListensError(LinkError):
    """No program has the adb server's port: one may be started there."""


USB_HINT = "connect the phone by its USB cable: Android 8 and older have `adb reverse` there only"

_SPOKEN = 300  # characters
_STATE_HINTS = {
    "unauthorized": "unlock the phone and tap Allow in «Allow USB debugging?»; no dialog: replug it",
    "authorizing": "unlock the phone and tap Allow in «Allow USB debugging?»",
    "offline": "replug the cable; over the network: `adb disconnect`, then `adb connect` again",
    "connecting": "wait a moment and try again",
    "recovery": "the phone is in recovery: choose «Reboot system now» on it",
    "rescue": "the phone is in rescue mode: restart it",
    "sideload": "the phone waits for an update file: restart it",
    "bootloader": "the phone is in its bootloader: `fastboot reboot`",
    "host": "this is an adb server itself, not a phone",
    "detached": "another adb released this phone: `adb attach`, or replug it",
    "no permissions": "this user may not open the USB device: install android-sdk-platform-tools-common and replug",
}


def spoken(text: str) -> str:
    """What a phone or a server said, as one line of a message: not too long, and nothing that a terminal would do."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line[:_SPOKEN])


def state_hint(state: str) -> str:
    """The next step for a device that is listed in `state`; empty when it is ready."""
    if state == READY:
        return ""
    known = next((hint for name, hint in _STATE_HINTS.items() if state.startswith(name)), "")
    return known or "replug the phone, or restart it"


def phone_refusal(text: str, *, serial: str, doing: str) -> BridgeError:
    """The error for adb's refusal `text` of something that one phone was asked for."""
    words = spoken(text)
    low = words.lower()
    lost = "replug the phone; the connection is made again as soon as it is listed"
    if re.match(r"device .*not found|no device with transport id|no devices", low):
        return DeviceLost(f"{serial} is gone", hint=lost, serial=serial, adb=words)
    if low.startswith("device offline"):
        return DeviceLost(f"{serial} went offline", hint=lost, serial=serial, adb=words)
    for state in ("unauthorized", "authorizing", "connecting"):
        if low.startswith((f"device {state}", f"device still {state}")):
            return DeviceUnusable(f"{serial} is {state}", hint=state_hint(state), serial=serial, state=state, adb=words)
    if "more than one device" in low:
        return NoReverse(
            f"{serial}: this Android cannot do `adb reverse` over the network", hint=USB_HINT, serial=serial, adb=words
        )
    if "cannot rebind" in low or "address already in use" in low:
        hint = "another tool on this phone uses that port: `adb reverse --list` names it"
        return DeviceUnusable(f"{serial}: {doing} failed: {words}", hint=hint, serial=serial, adb=words)
    if low in {"", "closed"}:
        hint = "the phone's adb daemon refused; does `adb shell true` work?"
        return DeviceUnusable(f"{serial}: {doing} was refused", hint=hint, serial=serial, adb=words)
    return DeviceUnusable(
        f"{serial}: {doing} failed: {words}", hint="the words are the phone's own", serial=serial, adb=words
    )


@contextmanager
def from_phone(serial: str, doing: str) -> Generator[None, None, None]:
    """What goes wrong inside happened to one phone."""
    try:
        yield
    except RefusedError as error:
        raise phone_refusal(error.text, serial=serial, doing=doing) from error
    except ChangedError as error:
        hint = "try again in a moment: its camera may still be writing it"
        raise FileChanged(f"{serial}: {doing}: {error}", hint=hint, serial=serial) from error
    except StalledError as error:
        hint = "is the phone awake and its cable firm? `adb reconnect` often helps"
        raise DeadlinePassed(f"{serial}: {doing}: {error}", hint=hint, serial=serial) from error
    except GarbledError as error:
        hint = "restart the phone: what its adb daemon sends is not adb's protocol"
        raise DeviceUnusable(f"{serial}: {doing}: {error}", hint=hint, serial=serial) from error
    except LinkError as error:
        hint = "replug the phone; the connection is made again as soon as it is listed"
        raise DeviceLost(f"{serial} went away during {doing} ({error})", hint=hint, serial=serial) from error


@contextmanager
def from_server(where: str) -> Generator[None, None, None]:
    """What goes wrong inside happened to the adb server at `where`, not to a phone."""
    try:
        yield
    except RefusedError as error:
        hint = "is that an adb server? `ss -ltnp` names the program behind the port"
        raise AdbUnreachable(f"the adb server at {where} refused: {spoken(error.text)}", hint=hint) from error
    except LinkError as error:
        hint = "run `adb devices`; it starts the server and tells what is wrong"
        raise AdbUnreachable(f"the adb server at {where} does not answer", hint=hint) from error
