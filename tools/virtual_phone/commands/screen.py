"""screencap and wm: what the screen shows, and how large it is."""

import struct
import zlib
from functools import lru_cache

from virtual_phone.commands.reply import Command, Reply
from virtual_phone.device import Device

__all__ = ["COMMANDS", "pixels", "png", "screencap"]

_COLOURS = {"camera": (24, 24, 28), "chrome": (250, 250, 252), "launcher": (32, 64, 128)}
_RGBA_8888, _SRGB = 1, 1
_COLOUR_SPACE_SINCE = 28


def colour(device: Device) -> tuple[int, int, int]:
    """The screen's colour: black when it is off, else the front app's."""
    if not device.screen_on:
        return (0, 0, 0)
    return next((rgb for word, rgb in _COLOURS.items() if word in device.front), (96, 96, 96))


def pixels(device: Device) -> bytes:
    """The screen as RGBA."""
    return bytes((*colour(device), 255)) * (device.width * device.height)


def screencap(device: Device, arguments: list[str]) -> Reply:
    """A picture of the screen: PNG with -p, raw pixels without."""
    if "-p" in arguments:
        return Reply(png(device.width, device.height, colour(device)))
    header = (device.width, device.height, _RGBA_8888) + ((_SRGB,) if device.sdk >= _COLOUR_SPACE_SINCE else ())
    return Reply(struct.pack(f"<{len(header)}I", *header) + pixels(device))


@lru_cache(maxsize=8)
def png(width: int, height: int, rgb: tuple[int, int, int]) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + bytes(rgb) * width) * height
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def _wm(device: Device, arguments: list[str]) -> Reply:
    match arguments:
        case ["size"]:
            return Reply.text(f"Physical size: {device.width}x{device.height}")
        case ["density"]:
            return Reply.text("Physical density: 420")
        case ["dismiss-keyguard"]:
            device.screen_on = True
            if device.lock == "swipe":
                device.lock = ""
            return Reply()
    return Reply.error(f"Unknown command: {' '.join(arguments)}", 255)


COMMANDS: dict[str, Command] = {"screencap": screencap, "wm": _wm}
