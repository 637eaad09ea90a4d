"""dumpsys: the parts that programs pick values out of, worded as Android 14 does."""

from collections.abc import Callable

from virtual_phone.commands.reply import Command, Reply
from virtual_phone.device import Device

__all__ = ["COMMANDS"]

_SAYS_LOCKED = 26  # older releases say it with the window policy


def _dumpsys(device: Device, arguments: list[str]) -> Reply:
    words = [word for word in arguments if word != "-t"]
    if not words or words == ["-l"]:
        return Reply.text("Currently running services:\n  " + "\n  ".join(sorted(_SERVICES)))
    service, *rest = words
    dump = _SERVICES.get(service)
    return dump(device, rest) if dump is not None else Reply.error(f"Can't find service: {service}")


def _battery(_device: Device, _rest: list[str]) -> Reply:
    return Reply.text(
        "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  Wireless powered: false\n"
        "  Dock powered: false\n  Max charging current: 500000\n  Max charging voltage: 5000000\n"
        "  Charge counter: 3120000\n  status: 2\n  health: 2\n  present: true\n  level: 83\n  scale: 100\n"
        "  voltage: 4123\n  temperature: 281\n  technology: Li-ion"
    )


def _window(device: Device, rest: list[str]) -> Reply:
    if rest[:1] == ["policy"]:
        return Reply.text(
            f"WINDOW MANAGER POLICY STATE (dumpsys window policy)\n    mShowingLockscreen={_locked(device)}"
        )
    package, _, activity = device.front.partition("/")
    full = f"{package}{activity}" if activity.startswith(".") else activity
    return Reply.text(
        "WINDOW MANAGER WINDOWS (dumpsys window windows)\n"
        f"  mCurrentFocus=Window{{1a2b3c4 u0 {package}/{full}}}\n"
        f"  mFocusedApp=ActivityRecord{{5d6e7f8 u0 {device.front} t12}}"
    )


def _activity(device: Device, rest: list[str]) -> Reply:
    if rest[:1] == ["top"]:
        return Reply.text(f"TASK {device.front.partition('/')[0]} id=12\n  ACTIVITY {device.front} 5d6e7f8 pid=4242")
    resumed = "null" if device.lock else f"ActivityRecord{{5d6e7f8 u0 {device.front} t12}}"
    lines = ["ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)", f"    mResumedActivity: {resumed}"]
    if device.sdk >= _SAYS_LOCKED:
        lines += ["  KeyguardController:", f"    mKeyguardShowing={_locked(device)}"]
    return Reply.text("\n".join(lines))


def _locked(device: Device) -> str:
    return str(bool(device.lock)).lower()


def _display(device: Device, _rest: list[str]) -> Reply:
    return Reply.text(
        "DISPLAY MANAGER (dumpsys display)\n"
        "    mViewports=[DisplayViewport{type=INTERNAL, valid=true, isActive=true, displayId=0, orientation=0, "
        f"deviceWidth={device.width}, deviceHeight={device.height}}}]"
    )


def _power(device: Device, _rest: list[str]) -> Reply:
    on = str(device.screen_on).lower()
    awake = "Awake" if device.screen_on else "Asleep"
    return Reply.text(f"POWER MANAGER\n  mWakefulness={awake}\n  mHoldingDisplaySuspendBlocker={on}")


def _package(device: Device, rest: list[str]) -> Reply:
    name = rest[-1]
    if name not in device.packages:
        return Reply.text(f"Unable to find package: {name}")
    new, granted = (str(name in names).lower() for names in (device.never_started, device.camera_granted))
    return Reply.text(
        f"Packages:\n  Package [{name}] (abc1234):\n    versionCode=1 minSdk=29 targetSdk=34\n"
        f"    versionName={device.packages[name]}\n"
        "    signatures=PackageSignatures{1 version:3, signatures:[ab12cd34]}\n"
        "    pkgFlags=[ SYSTEM HAS_CODE ]\n    firstInstallTime=2024-01-01 00:00:00\n"
        "    lastUpdateTime=2024-01-01 00:00:00\n"
        f"    User 0: ceDataInode=4711 installed=true hidden=false suspended=false stopped={new} notLaunched={new}\n"
        "      runtime permissions:\n"
        f"        android.permission.CAMERA: granted={granted}, flags=[ USER_SENSITIVE_WHEN_GRANTED ]"
    )


def _camera(device: Device, _rest: list[str]) -> Reply:
    clients = f"[(Camera ID: 0, Client: {device.front.partition('/')[0]})]" if device.camera_open else "[]"
    return Reply.text(f"== Service global info: ==\n\nNumber of camera devices: 1\nActive Camera Clients:\n{clients}")


def _surface_flinger(_device: Device, rest: list[str]) -> Reply:
    if "--display-id" in rest:
        return Reply.text('Display 4630946545580055170 (HWC display 0): port=130 pnpId=QCM displayName=""')
    return Reply()


_SERVICES: dict[str, Callable[[Device, list[str]], Reply]] = {
    "SurfaceFlinger": _surface_flinger,
    "activity": _activity,
    "battery": _battery,
    "display": _display,
    "media.camera": _camera,
    "package": _package,
    "power": _power,
    "window": _window,
}

COMMANDS: dict[str, Command] = {"dumpsys": _dumpsys}
