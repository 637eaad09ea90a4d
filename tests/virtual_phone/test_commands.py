"""The phone's own commands: what they print and what they change."""

import struct
import zlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from virtual_phone.camera import Camera, PhotoQueue
from virtual_phone.commands import table
from virtual_phone.commands.reply import Reply
from virtual_phone.device import CAMERA, CHROME, LAUNCHER, Device, default_properties
from virtual_phone.files import PhoneFiles

STILL = ["am", "start", "-a", "android.media.action.STILL_IMAGE_CAMERA"]
VIEW = ["am", "start", "-a", "android.intent.action.VIEW", "-d"]


class Background:
    """Takes the work a command starts, and remembers its name instead of running it."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, work: Coroutine[Any, Any, None], name: str) -> None:
        work.close()
        self.names.append(name)


@pytest.fixture
def background() -> Background:
    return Background()


@pytest.fixture
def device(tmp_path: Path, background: Background) -> Device:
    (tmp_path / "sdcard/DCIM/Camera").mkdir(parents=True)
    camera = Camera(PhotoQueue(tmp_path), PhoneFiles(tmp_path), pause=0)
    return Device(
        properties=default_properties("VP0007"),
        camera=camera,
        background=background,
        reboot=lambda: background.names.append("reboot"),
        on_open_url=lambda url: None,
    )


@pytest.fixture
def run(device: Device) -> Callable[..., Reply]:
    return lambda *argv: table.run(device, list(argv))


class TestApps:
    def test_the_camera_opens_and_its_keys_take_pictures(
        self, run: Callable[..., Reply], device: Device, background: Background
    ) -> None:
        assert b"STILL_IMAGE_CAMERA" in run(*STILL).stdout
        assert device.front == CAMERA
        for key in ("27", "KEYCODE_CAMERA", "CAMERA", "25", "66"):
            run("input", "keyevent", key)
        run("input", "tap", "540", "2100")
        assert background.names == ["camera"] * 6

    def test_without_the_camera_in_front_or_with_the_screen_off_a_key_takes_nothing(
        self, run: Callable[..., Reply], background: Background
    ) -> None:
        run("input", "keyevent", "27")
        run(*STILL)
        run("input", "keyevent", "223")
        run("input", "keyevent", "27")
        run("input", "keyevent", "224")
        run("input", "tap", "10", "10")
        run("input", "keyevent", "HOME")
        run("input", "keyevent", "27")
        assert background.names == []

    @pytest.mark.parametrize(
        "more",
        [
            [],
            ["-n", "com.android.chrome/com.google.android.apps.chrome.Main"],
            ["-p", "com.android.chrome"],
            ["--es", "com.android.browser.application_id", "lensbridge"],
            ["-W", "-f", "0x10000000", "--user", "0"],
        ],
    )
    def test_a_page_opens_in_the_browser(
        self, run: Callable[..., Reply], device: Device, background: Background, more: list[str]
    ) -> None:
        reply = run(*VIEW, "http://localhost:8017/#c=1&x=2", *more)
        assert reply.status == 0
        assert b"dat=http://localhost:8017/#c=1&x=2" in reply.stdout
        assert device.front == CHROME
        assert background.names == ["browser"]

    def test_a_url_alone_is_an_intent_too(self, run: Callable[..., Reply], background: Background) -> None:
        run("am", "start", "http://localhost:8017/")
        assert background.names == ["browser"]

    def test_waiting_says_how_long_it_took(self, run: Callable[..., Reply]) -> None:
        assert b"Status: ok" in run(*STILL, "-W").stdout

    def test_what_cannot_be_started_says_so(self, run: Callable[..., Reply], device: Device) -> None:
        missing = run("am", "start", "-n", "org.nobody/.Main")
        assert (missing.status, b"does not exist" in missing.stderr) == (1, True)
        assert b"unable to resolve" in run("am", "start", "-a", "nonsense").stderr
        assert b"unable to resolve" in run(*VIEW, "geo:1,2").stderr
        assert device.front == LAUNCHER

    def test_apps_are_stopped_and_started_by_name(self, run: Callable[..., Reply], device: Device) -> None:
        run("monkey", "-p", "com.android.camera2", "-c", "android.intent.category.LAUNCHER", "1")
        assert device.front == CAMERA
        run("am", "force-stop", "com.android.chrome")
        assert device.front == CAMERA
        run("am", "force-stop", "com.android.camera2")
        assert device.front == LAUNCHER
        assert run("monkey", "-p", "org.nobody", "1").status == 252
        run("am", "start", "com.android.settings/.Settings")
        assert device.front == "com.android.settings/.Settings"

    def test_packages_are_listed_and_found(self, run: Callable[..., Reply]) -> None:
        assert b"package:com.android.chrome\n" in run("pm", "list", "packages").stdout
        assert run("pm", "list", "packages", "chrome").stdout == b"package:com.android.chrome\n"
        assert run("pm", "list", "packages", "-3").stdout == b""
        assert run("pm", "path", "com.android.chrome").stdout.startswith(b"package:/data/app/")
        assert run("pm", "path", "org.nobody").status == 1
        assert run("pm", "grant", "com.android.chrome", "android.permission.CAMERA").status == 0
        assert run("pm", "grant", "org.nobody", "android.permission.CAMERA").status == 255
        assert b"Failure" in run("cmd", "package", "install", "-S", "1").stderr

    def test_a_broadcast_completes(self, run: Callable[..., Reply]) -> None:
        assert b"Broadcast completed" in run("am", "broadcast", "-a", "x", "--ez", "state", "true").stdout
        assert run("am", "get-current-user").stdout == b"0\n"


class TestScreen:
    def test_a_screenshot_is_a_png_of_the_screens_size(self, run: Callable[..., Reply]) -> None:
        data = run("screencap", "-p").stdout
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        assert struct.unpack(">2I", data[16:24]) == (1080, 2400)
        start = data.index(b"IDAT") + 4
        size = int.from_bytes(data[start - 8 : start - 4], "big")
        assert len(zlib.decompress(data[start : start + size])) == 2400 * (1 + 1080 * 3)

    def test_raw_pixels_have_a_header_of_four_numbers(self, run: Callable[..., Reply]) -> None:
        data = run("screencap").stdout
        assert struct.unpack_from("<4I", data) == (1080, 2400, 1, 1)
        assert len(data) == 16 + 1080 * 2400 * 4

    def test_the_screen_shows_which_app_is_in_front_and_whether_it_is_on(self, run: Callable[..., Reply]) -> None:
        home = run("screencap", "-p").stdout
        run(*STILL)
        camera = run("screencap", "-p").stdout
        run("input", "keyevent", "POWER")
        assert len({home, camera, run("screencap", "-p").stdout}) == 3

    def test_wm_answers(self, run: Callable[..., Reply], device: Device) -> None:
        assert run("wm", "size").stdout == b"Physical size: 1080x2400\n"
        assert run("cmd", "window", "density").stdout == b"Physical density: 420\n"
        device.screen_on = False
        run("wm", "dismiss-keyguard")
        assert device.screen_on
        assert run("wm", "overscan").status == 255


class TestSystem:
    def test_properties_are_read_and_set_but_not_read_only_ones(self, run: Callable[..., Reply]) -> None:
        assert run("getprop", "ro.serialno").stdout == b"VP0007\n"
        assert run("getprop", "no.such").stdout == b"\n"
        assert run("getprop", "no.such", "default").stdout == b"default\n"
        assert b"[ro.serialno]: [VP0007]\n" in run("getprop").stdout
        assert run("setprop", "debug.x", "1").status == 0
        assert run("getprop", "debug.x").stdout == b"1\n"
        assert run("setprop", "ro.serialno", "x").status == 1

    def test_settings_are_kept(self, run: Callable[..., Reply]) -> None:
        assert run("settings", "get", "system", "nothing").stdout == b"null\n"
        run("settings", "put", "--user", "0", "system", "x", "5")
        assert run("settings", "get", "system", "x").stdout == b"5\n"
        assert b"x=5\n" in run("settings", "list", "system").stdout
        assert run("settings", "delete", "system", "x").stdout == b"Deleted 1 rows\n"
        assert run("settings", "delete", "system", "x").stdout == b"Deleted 0 rows\n"
        assert run("settings", "explode").status == 255

    def test_staying_on_is_a_setting(self, run: Callable[..., Reply]) -> None:
        get = ["settings", "get", "global", "stay_on_while_plugged_in"]
        run("svc", "power", "stayon", "usb")
        assert run(*get).stdout == b"3\n"
        run("svc", "power", "stayon", "false")
        assert run(*get).stdout == b"0\n"

    @pytest.mark.parametrize("argv", [["reboot"], ["svc", "power", "reboot"]])
    def test_a_reboot_is_asked_for(self, run: Callable[..., Reply], background: Background, argv: list[str]) -> None:
        run(*argv)
        assert background.names == ["reboot"]

    async def test_the_media_store_lists_finished_pictures(
        self, run: Callable[..., Reply], device: Device, tmp_path: Path
    ) -> None:
        query = ["content", "query", "--uri", "content://media/external/images/media", "--projection", "_id"]
        assert run(*query).stdout == b"No result found.\n"
        (tmp_path / "data").mkdir()
        (tmp_path / "sdcard/DCIM/Camera/IMG_1.jpg").write_bytes(b"")
        (tmp_path / "sdcard/DCIM/Camera/.pending-1-IMG_2.jpg").write_bytes(b"")
        assert run(*query).stdout == b"Row: 0 _id=1, _display_name=IMG_1.jpg\n"
        assert run("content", "call", "--uri", "content://media").status == 0
        assert run("content", "query", "--uri", "content://contacts").stdout == b"No result found.\n"

    def test_what_is_not_simulated_answers_quietly(self, run: Callable[..., Reply]) -> None:
        assert run("cmd", "notification", "post", "tag", "text").status == 0
        assert run("logcat", "-c").stdout == b""
        assert run("logcat", "-d").stdout == b"--------- beginning of main\n"
        assert run("input", "text", "hello").status == 0


class TestDumps:
    @pytest.mark.parametrize(
        ("service", "text"),
        [
            (["battery"], b"level: 83"),
            (["window", "windows"], b"mCurrentFocus=Window{1a2b3c4 u0 com.android.launcher3/com.android.launcher3.L"),
            (["activity", "activities"], b"mResumedActivity: ActivityRecord{"),
            (["activity", "top"], b"ACTIVITY com.android.launcher3/.Launcher 5d6e7f8 pid="),
            (["display"], b"orientation=0"),
            (["power"], b"mHoldingDisplaySuspendBlocker=true"),
            (["package", "com.android.chrome"], b"versionName=131"),
            (["package", "org.nobody"], b"Unable to find package"),
            (["media.camera"], b"Active Camera Clients:\n[]"),
            (["SurfaceFlinger", "--display-id"], b"Display 4630946545580055170 (HWC display 0)"),
            (["-l"], b"battery"),
        ],
    )
    def test_a_dump_has_what_is_looked_for(self, run: Callable[..., Reply], service: list[str], text: bytes) -> None:
        assert text in run("dumpsys", *service).stdout

    def test_the_camera_service_knows_its_client(self, run: Callable[..., Reply]) -> None:
        run(*STILL)
        assert b"com.android.camera2" in run("dumpsys", "media.camera").stdout

    def test_an_unknown_service_is_an_error(self, run: Callable[..., Reply]) -> None:
        assert run("dumpsys", "nonsense").status == 1
        assert run("dumpsys", "SurfaceFlinger").stdout == b""


@pytest.mark.parametrize(
    "argv",
    [
        ["am"],
        ["am", "start", "-a"],
        ["am", "explode"],
        ["cmd"],
        ["content", "query"],
        ["dumpsys", "package"],
        ["input"],
        ["input", "-d", "0"],
        ["input", "tap", "a", "b"],
        ["monkey"],
        ["pm"],
        ["pm", "grant"],
        ["setprop", "one"],
    ],
)
def test_bad_arguments_are_an_error_and_never_an_exception(run: Callable[..., Reply], argv: list[str]) -> None:
    reply = run(*argv)
    assert reply.status != 0
    assert reply.stderr


def test_a_command_that_is_not_there_is_not_found(run: Callable[..., Reply]) -> None:
    assert run("su").status == 127
