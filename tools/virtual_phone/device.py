"""What the phone is and what it shows: properties, settings, the app in front, the screen.

The commands read and change it; services and faults do not. It does no waiting of its own: what takes time is handed to
`background`.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from virtual_phone.camera import Camera, NoPhotoError
from virtual_phone.releases import RELEASES

__all__ = ["CAMERA", "CHROME", "LAUNCHER", "Device", "OpenUrl", "default_properties"]

OpenUrl = Callable[[str], Awaitable[None] | None]
LAUNCHER = "com.android.launcher3/.Launcher"
CAMERA = "com.android.camera2/com.android.camera.CameraLauncher"
CHROME = "com.android.chrome/com.google.android.apps.chrome.Main"
_log = logging.getLogger(__name__)


def default_properties(serial: str, release: str = "14") -> dict[str, str]:
    """The properties of a plain Android phone."""
    return {
        "ro.product.name": "vphone",
        "ro.product.model": "Virtual_Phone",
        "ro.product.device": "vphone",
        "ro.product.brand": "lensbridge",
        "ro.product.manufacturer": "lensbridge",
        "ro.product.cpu.abi": "arm64-v8a",
        "ro.serialno": serial,
        "ro.boot.serialno": serial,
        "ro.build.version.sdk": str(RELEASES[release].sdk),
        "ro.build.version.release": release,
        "ro.build.type": "user",
        "ro.debuggable": "0",
        "ro.secure": "1",
        "persist.sys.timezone": "UTC",
        "sys.boot_completed": "1",
        "init.svc.bootanim": "stopped",
        "dev.bootcomplete": "1",
    }


def _default_settings() -> dict[tuple[str, str], str]:
    return {
        ("system", "screen_brightness"): "128",
        ("system", "screen_brightness_mode"): "0",
        ("system", "screen_off_timeout"): "60000",
        ("system", "accelerometer_rotation"): "1",
        ("global", "airplane_mode_on"): "0",
        ("global", "stay_on_while_plugged_in"): "0",
        ("global", "adb_enabled"): "1",
        ("secure", "android_id"): "0123456789abcdef",
    }


@dataclass(slots=True)
class Device:
    """The phone's state. `reboot` and `background` are the phone's own."""

    properties: dict[str, str]
    camera: Camera
    background: Callable[[Coroutine[Any, Any, None], str], object]
    reboot: Callable[[], object]
    on_open_url: OpenUrl
    settings: dict[tuple[str, str], str] = field(default_factory=_default_settings)
    packages: dict[str, str] = field(
        default_factory=lambda: {
            "android": "14",
            "com.android.camera2": "2.0.002",
            "com.android.chrome": "131.0.6778.39",
            "com.android.launcher3": "14",
            "com.android.settings": "14",
            "com.android.shell": "14",
        }
    )
    camera_granted: set[str] = field(default_factory=lambda: {"com.android.camera2", "com.android.chrome"})
    never_started: set[str] = field(default_factory=set)
    front: str = LAUNCHER
    screen_on: bool = True
    lock: Literal["", "swipe", "pin"] = ""
    """The lock screen in front, if there is one: one to swipe away, or one that wants a PIN."""
    shutter_keys: frozenset[int] = frozenset({23, 24, 25, 27, 66})
    """What the camera app takes for its shutter: DPAD_CENTER, the volume keys, CAMERA, ENTER."""
    width: int = 1080
    height: int = 2400

    @property
    def sdk(self) -> int:
        """The API level it claims."""
        return int(self.properties["ro.build.version.sdk"])

    @property
    def camera_open(self) -> bool:
        """Whether the camera app is in front."""
        return self.front == CAMERA

    def press_shutter(self) -> None:
        """What a camera key does: a picture when the camera is in front."""
        if self.camera_open and self.screen_on and not self.lock:
            self.background(self._shoot(), "camera")

    def open_url(self, url: str) -> None:
        """The browser shows a page."""
        self.background(self._open_url(url), "browser")

    async def _shoot(self) -> None:
        try:
            await self.camera.shoot()
        except (NoPhotoError, OSError) as error:
            _log.warning("the camera took no picture: %s", error)

    async def _open_url(self, url: str) -> None:
        result = self.on_open_url(url)
        if inspect.isawaitable(result):
            await result

    def restart(self, properties: Mapping[str, str]) -> None:
        """Boot anew: what was set is gone, the launcher is in front."""
        self.properties = dict(properties)
        self.front = LAUNCHER
        self.screen_on = True
