"""Cameras that give pictures strange names, leave them unfinished, or write them in other ways than MediaStore."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager

from virtual_phone.camera import Camera, place, store
from virtual_phone.commands.reply import Reply
from virtual_phone.rogues.rogue import Rogue, answering
from virtual_phone.services.router import Parts

__all__ = ["ROGUES"]

_NAME_LIMIT = 255
_PIECES = 8
_BURST = 5
_TOO_LARGE = 26 << 20
_HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(3_000)


def _named(before: bytes, after: bytes = b"") -> Callable[[Parts], AbstractContextManager[None]]:
    """A camera whose names begin and end so; the suffix stays the last."""

    def naming(name: str) -> bytes:
        stem, dot, suffix = os.fsencode(name).rpartition(b".")
        return before + stem + after + dot + suffix

    return _camera(naming=naming, way=_directly)


def _long_name(name: str) -> bytes:
    stem, dot, suffix = os.fsencode(name).rpartition(b".")
    return stem.ljust(_NAME_LIMIT - len(dot + suffix), b"x") + dot + suffix


async def _directly(camera: Camera, name: bytes, data: bytes) -> None:
    """Under the final name at once, as cameras do that do not ask MediaStore."""
    await camera.write(place(name), data)


async def _growing(camera: Camera, name: bytes, data: bytes) -> None:
    size = -(-len(data) // _PIECES)
    await camera.write(place(name), *(data[start : start + size] for start in range(0, len(data), size)))


async def _rewritten(camera: Camera, name: bytes, data: bytes) -> None:
    """The picture is there and whole, and then a better one takes its place, as with HDR."""
    await store(camera, name, data)
    await asyncio.sleep(camera.pause)
    await camera.write(place(name), data + b"the better one")


async def _pending_left(camera: Camera, name: bytes, data: bytes) -> None:
    await camera.write(camera.pending(name), data[: len(data) // 2])


async def _cut(camera: Camera, name: bytes, data: bytes) -> None:
    await camera.write(place(name), data[: len(data) // 2])


async def _burst(camera: Camera, name: bytes, data: bytes) -> None:
    stem, dot, suffix = name.rpartition(b".")
    for number in range(_BURST):
        numbered = stem + b"_BURST%03d" % number + dot + suffix
        await camera.write(place(numbered), data)
    await store(camera, name, data)


async def _heic(camera: Camera, name: bytes, _data: bytes) -> None:
    await camera.write(place(name.rpartition(b".")[0] + b".heic"), _HEIC)


async def _too_large(camera: Camera, name: bytes, data: bytes) -> None:
    await store(camera, name, data.ljust(_TOO_LARGE, b"\x00"))


async def _empty(camera: Camera, name: bytes, _data: bytes) -> None:
    await camera.write(place(name), b"")


async def _alien(camera: Camera, name: bytes, _data: bytes) -> None:
    await store(camera, name, b"#!/bin/sh\nrm -rf /\n" * 40)


async def _link(camera: Camera, name: bytes, _data: bytes) -> None:
    camera.files.symlink(b"/../../../../../../etc/passwd", place(name))
    await asyncio.sleep(0)


def _camera(
    *,
    naming: Callable[[str], bytes] = os.fsencode,
    way: Callable[[Camera, bytes, bytes], Awaitable[None]] = store,
) -> Callable[[Parts], AbstractContextManager[None]]:
    @contextlib.contextmanager
    def enter(parts: Parts) -> Generator[None]:
        camera = parts.device.camera
        before = camera.naming, camera.store
        camera.naming, camera.store = naming, way
        try:
            yield
        finally:
            camera.naming, camera.store = before

    return enter


@contextlib.contextmanager
def _full(parts: Parts) -> Generator[None]:
    """Not even half a picture fits."""
    parts.files.free_space = 100
    try:
        yield
    finally:
        parts.files.free_space = None


@contextlib.contextmanager
def _folder_is_a_link(parts: Parts) -> Generator[None]:
    """The camera folder leads elsewhere: to a folder of the phone that holds one picture nobody took."""
    camera, away = b"/sdcard/DCIM/Camera", b"/sdcard/DCIM/Camera.real"
    parts.files.rename(camera, away)
    parts.files.symlink(b"/../../../../../../etc", camera)
    try:
        yield
    finally:
        parts.files.remove(camera)
        parts.files.rename(away, camera)


ROGUES = {
    "name_command": Rogue("names that a shell would run", _named(b"$(id)`id`;reboot;")),
    "name_newline": Rogue("names with line ends in them", _named(b"a\nb\r\n", b"\n")),
    "name_long": Rogue("names of 255 bytes", _camera(naming=_long_name, way=_directly)),
    "name_bytes": Rogue("names that are no UTF-8", _named(b"\xff\xfe\xc3(", b"\x80")),
    "name_rtl": Rogue("names that read from right to left", _named("\u202egpj.exe\u2066".encode())),
    "name_escape": Rogue("names that control a terminal", _named(b"\x1b[2J\x1b]0;owned\x07")),
    "name_option": Rogue("names that look like options", _named(b"--help -rf ")),
    "name_quotes": Rogue("names with quotes and backslashes", _named(b"'\"\\\\'\\''")),
    "pending_left": Rogue("the camera dies and leaves half a picture as .pending-", _camera(way=_pending_left)),
    "growing_file": Rogue("pictures grow under their final name", _camera(way=_growing)),
    "rewritten_file": Rogue("a better picture replaces each soon after", _camera(way=_rewritten)),
    "cut_file": Rogue("pictures end in their middle", _camera(way=_cut)),
    "burst": Rogue("each press takes six pictures", _camera(way=_burst)),
    "heic": Rogue("the camera writes HEIC", _camera(way=_heic)),
    "too_large": Rogue("pictures of 26 MB", _camera(way=_too_large)),
    "empty_file": Rogue("pictures without a byte", _camera(way=_empty)),
    "no_picture_inside": Rogue("pictures that are scripts", _camera(way=_alien)),
    "link_out": Rogue("pictures that are links out of the folder", _camera(way=_link)),
    "folder_is_link": Rogue("the camera folder is a link out of the storage", _folder_is_a_link),
    "storage_full": Rogue("nothing fits on the phone any more", _full),
    "deaf_camera": Rogue("the shutter key does nothing", answering(input=lambda _device, _arguments: Reply())),
}
