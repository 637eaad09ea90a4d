"""A virtual phone: starts, stops, and breaks in the ways real ones do."""

import asyncio
import contextlib
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from virtual_phone import image
from virtual_phone.auth import TOKEN_SIZE
from virtual_phone.camera import Camera, PhotoQueue
from virtual_phone.commands import table
from virtual_phone.control import serve_commands
from virtual_phone.core import Core
from virtual_phone.device import CAMERA, Device, OpenUrl, default_properties
from virtual_phone.files import PhoneFiles
from virtual_phone.link import Link, Services
from virtual_phone.loopback import Loopback, claim
from virtual_phone.manners import Manners
from virtual_phone.releases import Inotifyd, made_as
from virtual_phone.rogues import CORPUS
from virtual_phone.sandbox import choose
from virtual_phone.services.router import Parts, Router
from virtual_phone.tasks import Tasks

__all__ = ["VirtualPhone"]

_BOOT_TIME = 0.3
_MAX_LINKS = 16
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SOCKET_PATH_LIMIT = 100


class VirtualPhone:
    """One phone. `async with` it, or `start` and `stop`. `mode`: `recovery` and `sideload` are there and no use."""

    def __init__(
        self,
        photos: Path,
        *,
        serial: str = "VP0001",
        root: Path | None = None,
        index: int | None = None,
        authorized: bool = True,
        mode: str = "device",
        on_open_url: OpenUrl | None = None,
        sandbox: str = "auto",
        properties: Mapping[str, str] | None = None,
        profile: str = "14",
        daemon: str | None = None,
        features: Sequence[str] | None = None,
        inotifyd: Inotifyd | None = None,
        capture_pause: float = 0.1,
    ) -> None:
        if not _SERIAL.fullmatch(serial):
            raise ValueError(f"no serial number for a phone: {serial!r}")
        self.serial = serial
        self.loopback = ""  # known once the phone is on
        self.on_open_url = on_open_url
        self.photos_queue = PhotoQueue(photos)
        self._wanted_root = root
        self._wanted_sandbox = sandbox
        self._capture_pause = capture_pause
        self._wanted_index = index
        self._claim: Loopback | None = None
        release, self._daemon = made_as(profile, daemon, features)
        self._inotifyd = inotifyd or release.inotifyd
        self._properties = default_properties(serial, profile) | dict(properties or {})
        self._mode = mode
        self._trusted: set[bytes] | None = None if authorized else set()
        self._tasks = Tasks()
        self._links: dict[Link, Router] = {}
        self._connections = 0
        self._hanging = False
        self._server: asyncio.Server | None = None
        self._control: asyncio.Server | None = None
        self._home: Path | None = None
        self._port = 0
        self.device: Device
        self.files: PhoneFiles
        self._image: image.Image
        self._parts: Parts
        self.shell_rung = ""

    # -------------------------------------------------------------------------------------------- on and off
    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Switch the phone on; adb servers find it at `address`. Raises `SandboxError`."""
        self._home = _new_home()
        try:
            await self._assemble(self._home)
            await self._listen(port)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Switch it off: connections, listeners, commands and temporary files are gone afterwards."""
        await self._tasks.close()
        await self.unplug()
        if self._control is not None:
            self._control.close()
            await self._control.wait_closed()
            self._control = None
        if self._claim is not None:
            self._claim.release()
            self._claim = None
        if self._home is not None:
            await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)
            self._home = None

    @property
    def address(self) -> str:
        """What `adb connect` needs."""
        return f"127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """Where the phone listens for adb servers."""
        return self._port

    # -------------------------------------------------------------------------------------------- use
    @property
    def storage(self) -> Path:
        """The folder of the laptop that is /sdcard on the phone."""
        return self._image.storage

    @property
    def reverse_listeners(self) -> dict[str, str]:
        """What listens on the phone now, and where on the laptop it leads."""
        return {name: to for router in self._links.values() for name, to in router.reverse.listening.items()}

    async def press_shutter(self, photo: Path | None = None) -> str:
        """Open the camera and take the next photo, or the given one; the path on the phone once it is final."""
        self.device.front = CAMERA
        return await self.device.camera.shoot(photo)

    def allow_debugging(self) -> None:
        """Tap «Allow»: the hosts that wait are connected, and known from now on."""
        for link in list(self._links):
            if self._trusted is not None and link.core.offered_key is not None:
                self._trusted.add(link.core.offered_key)
                link.allow()

    # -------------------------------------------------------------------------------------------- faults
    async def unplug(self) -> None:
        """Pull the cable: every connection is cut, new ones are refused."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        links = list(self._links)
        for link in links:
            link.cut()
        for link in links:
            await link.done.wait()
        if server is not None:
            await server.wait_closed()

    async def replug(self) -> None:
        """Put the cable back: the same address, a new connection."""
        if self._server is None and self._home is not None:
            await self._listen(self._port)

    @contextlib.asynccontextmanager
    async def unplugged(self) -> AsyncGenerator[None]:
        """Without the cable inside, with it afterwards."""
        await self.unplug()
        try:
            yield
        finally:
            await self.replug()

    async def reboot(self, down: float = 1.0) -> None:
        """Restart: gone for `down` seconds, then there and still booting for a moment."""
        await self.unplug()
        self.device.restart(self._properties | {"sys.boot_completed": "", "dev.bootcomplete": ""})
        await asyncio.sleep(down)
        await self.replug()
        await asyncio.sleep(_BOOT_TIME)
        self.device.properties |= {"sys.boot_completed": "1", "dev.bootcomplete": "1"}

    @contextlib.contextmanager
    def hanging(self) -> Generator[None]:
        """Connected, and answering nothing inside."""
        self._hanging = True
        for link in self._links:
            link.hang()
        try:
            yield
        finally:
            self._hanging = False
            for link in self._links:
                link.wake()

    def cut_after(self, size: int) -> None:
        """Pull the cable for a moment once the phone has sent `size` more bytes: in the middle of a transfer."""
        for link in self._links:
            link.cut_after(size)

    @contextlib.contextmanager
    def storage_full(self, free: int = 0) -> Generator[None]:
        """Only `free` more bytes fit on the phone inside."""
        self.files.free_space = free
        try:
            yield
        finally:
            self.files.free_space = None

    @contextlib.contextmanager
    def behaving(self, *names: str) -> Generator[None]:
        """As one of the `ROGUES`, or several, inside. Only while the phone is on."""
        with contextlib.ExitStack() as stack:
            for name in names:
                if name not in CORPUS:
                    raise ValueError(f"no such rogue: {name}; `python -m virtual_phone --list-rogues` tells them")
                stack.enter_context(CORPUS[name].enter(self._parts))
            yield

    # -------------------------------------------------------------------------------------------- inside
    async def _assemble(self, home: Path) -> None:
        root = self._wanted_root if self._wanted_root is not None else home / "root"
        run = home / "run"
        run.mkdir()
        self._claim = claim(self._wanted_index)
        self.loopback = self._claim.address
        self._tasks = Tasks()
        self._image = await asyncio.to_thread(
            image.build,
            root,
            loopback=self.loopback,
            stubs=table.NAMES,
            sdk=int(self._properties["ro.build.version.sdk"]),
            inotifyd=self._inotifyd,
        )
        self.files = PhoneFiles(root)
        sandbox = await asyncio.to_thread(choose, self._wanted_sandbox, root, run, self.serial)
        self.shell_rung = f"{sandbox.name}, {self._image.shell}, {self._image.tools}"
        self.device = Device(
            properties=dict(self._properties),
            camera=Camera(self.photos_queue, self.files, pause=self._capture_pause),
            background=self._in_background,
            reboot=lambda: self._in_background(self.reboot(), "reboot"),
            on_open_url=lambda url: self.on_open_url(url) if self.on_open_url is not None else None,
        )
        manners = Manners()
        self._parts = Parts(self.device, self.files, self.loopback, sandbox.invoke, manners, self._daemon)
        answer = partial(table.run, self.device, instead=manners.commands)
        self._control = await serve_commands(run / "virtual_phone", answer)

    async def _listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # It came in while the cable was pulled, or somebody opens connections for nothing.
        if self._server is None or len(self._links) >= _MAX_LINKS:
            writer.transport.abort()
            return
        core = Core(
            self._banner(),
            trusted=self._trusted,
            new_token=lambda: secrets.token_bytes(TOKEN_SIZE),
            limit=self._daemon.max_payload,
        )
        link = Link(core, self._services, reader, writer)
        if self._hanging:
            link.hang()
        try:
            await link.run()
        finally:
            self._links.pop(link, None)

    def _services(self, link: Link) -> Services:
        self._connections += 1
        router = self._links[link] = Router(self._parts, link, self._connections)
        return router

    def _banner(self) -> str:
        names = ("ro.product.name", "ro.product.model", "ro.product.device")
        told = "".join(f"{name}={self._properties.get(name, '')};" for name in names)
        return f"{self._mode}::{told}features={','.join(self._daemon.features)}"

    def _in_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.spawn(work, name=name)


def _new_home() -> Path:
    """A folder for what the phone needs while it is on; a path too long for a UNIX socket moves to /tmp."""
    default = tempfile.gettempdir()
    short = len(default) < _SOCKET_PATH_LIMIT - len("/virtual-phone-12345678/run/virtual_phone")
    return Path(tempfile.mkdtemp(prefix="virtual-phone-", dir=default if short else "/tmp"))  # ruff: ignore[hardcoded-temp-file]
