"""Phones that fall silent at some step, with the connection alive; and phones that never stop talking."""

import asyncio
import contextlib
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager

from virtual_phone.events import StreamClosedError
from virtual_phone.link import OpenRequest, Service
from virtual_phone.manners import Twist
from virtual_phone.rogues.rogue import Rogue
from virtual_phone.rogues.syncing import syncing
from virtual_phone.services import sync_wire as wire
from virtual_phone.services.router import Parts
from virtual_phone.services.shell_wire import Kind, encode
from virtual_phone.services.sync import SyncSession

__all__ = ["ROGUES"]

_SHELLS = ("shell", "exec")
_PIECE = b"x" * 65_536
_HALF = 30_000


async def _never_accepted(_request: OpenRequest) -> None:
    await asyncio.Event().wait()


async def _mute(request: OpenRequest) -> None:
    """Accept, take what comes and say nothing."""
    channel = request.accept()
    while await channel.read():
        pass


async def _deaf(request: OpenRequest) -> None:
    """Accept and never read."""
    await request.accept().ended.wait()


async def _hang_up(request: OpenRequest) -> None:
    request.accept()
    await asyncio.sleep(0)


def _says(v2: bytes, v1: bytes, *, forever: bool = True) -> Callable[[bool], Service]:
    """A shell that prints this, over and over, in either version of the protocol."""

    def service(is_v2: bool) -> Service:  # ruff: ignore[boolean-type-hint-positional-argument]
        async def serve(request: OpenRequest) -> None:
            channel = request.accept()
            with contextlib.suppress(StreamClosedError):
                await channel.write(v2 if is_v2 else v1)
                while forever:
                    await channel.write(v2 if is_v2 else v1)
                await channel.ended.wait()

        return serve

    return service


def _only(*kinds: str, serve: Service) -> Twist:
    """These kinds of services are served so, whatever they are asked for."""
    return lambda name, service: serve if name.partition(":")[0].partition(",")[0] in kinds else service


def _shells(serve: Callable[[bool], Service], *, naming: str = "") -> Twist:
    """Every shell, or those whose command holds a word, is such a one."""

    def twist(name: str, service: Service | None) -> Service | None:
        kind, _, _ = name.partition(":")
        asked = kind.split(",")
        return serve("v2" in asked) if asked[0] in _SHELLS and naming in name else service

    return twist


def _twisting(twist: Twist) -> Callable[[Parts], AbstractContextManager[None]]:
    @contextlib.contextmanager
    def enter(parts: Parts) -> Generator[None]:
        parts.manners.services.append(twist)
        try:
            yield
        finally:
            parts.manners.services.remove(twist)

    return enter


async def _wait(session: SyncSession) -> None:
    await session.channel.ended.wait()


async def _wait_with(session: SyncSession, _what: object) -> None:
    await session.channel.ended.wait()


async def _wait_in_the_middle(session: SyncSession, path: bytes) -> None:
    half = min(_HALF, session.files.stat(path).st_size // 2)
    await session.channel.write(wire.data(b"\xff\xd8\xff".ljust(half, b"\x00")))
    await session.channel.ended.wait()


_CLAIM = b"\x01\xff\xff\xff\xff"  # a packet of stdout with 4 GiB
_FLOOD = b'{"event":"file","how":"moved","dir":0,"name":"flood.jpg"}\n' * 1_000
_NONSENSE = b'{"event":"file","dir":99,"name":"../../x"}\n[[[[{"event":"ready"}\n\xff\xfe\n{"event":\n' * 500

ROGUES = {
    "silent_open": Rogue("no stream is ever accepted", _twisting(lambda _name, _service: _never_accepted)),
    "silent_shell": Rogue("commands are taken and never end", _twisting(_only(*_SHELLS, serve=_mute))),
    "deaf_shell": Rogue("shells never read what they are told", _twisting(_only(*_SHELLS, serve=_deaf))),
    "silent_sync": Rogue("sync is accepted and never answers", _twisting(_only("sync", serve=_mute))),
    "silent_stat": Rogue("silence where the state of a file is asked for", syncing(stat=_wait)),
    "silent_list": Rogue("silence where a folder is listed", syncing(listing=_wait_with)),
    "silent_pull": Rogue("silence where a picture should begin", syncing(picture=_wait_with)),
    "silent_mid_pull": Rogue("silence in the middle of a picture", syncing(picture=_wait_in_the_middle)),
    "silent_push": Rogue("silence where a file is pushed", syncing(push=_wait)),
    "silent_reverse": Rogue("silence where a tunnel is asked for", _twisting(_only("reverse", serve=_mute))),
    "hanging_up": Rogue("every stream is accepted and closed at once", _twisting(lambda _name, _service: _hang_up)),
    "endless_shell": Rogue(
        "every command prints without end", _twisting(_shells(_says(encode(Kind.STDOUT, _PIECE), _PIECE)))
    ),
    "endless_stderr": Rogue(
        "every command complains without end", _twisting(_shells(_says(encode(Kind.STDERR, _PIECE), _PIECE)))
    ),
    "endless_packet": Rogue(
        "a packet of 4 GiB where a command prints", _twisting(_shells(_says(_CLAIM + _PIECE, _PIECE)))
    ),
    "alarm_flood": Rogue(
        "the watching script tells of the same picture without end",
        _twisting(_shells(_says(encode(Kind.STDOUT, _FLOOD), _FLOOD), naming="watch_captures")),
    ),
    "alarm_nonsense": Rogue(
        "the watching script talks nonsense",
        _twisting(_shells(_says(encode(Kind.STDOUT, _NONSENSE), _NONSENSE, forever=False), naming="watch_captures")),
    ),
    "endless_screen": Rogue(
        "screencap prints without end",
        _twisting(_shells(_says(encode(Kind.STDOUT, _PIECE), _PIECE), naming="screencap")),
    ),
}
