"""input: keys, taps and text. As on a phone it never fails for what it does not understand on the screen."""

from virtual_phone.commands.reply import Command, Reply
from virtual_phone.device import LAUNCHER, Device

__all__ = ["COMMANDS"]

_NAMES = {
    "HOME": 3,
    "BACK": 4,
    "DPAD_CENTER": 23,
    "VOLUME_UP": 24,
    "VOLUME_DOWN": 25,
    "POWER": 26,
    "CAMERA": 27,
    "ENTER": 66,
    "FOCUS": 80,
    "SLEEP": 223,
    "WAKEUP": 224,
}
_SOURCES = ("keyboard", "touchscreen", "touchpad", "mouse", "dpad", "stylus")


def _input(device: Device, arguments: list[str]) -> Reply:
    words = list(arguments)
    if words and words[0] in _SOURCES:
        words.pop(0)
    if words and words[0] == "-d":
        del words[:2]
    match words:
        case ["keyevent", *keys] if keys:
            for key in keys:
                if not key.startswith("--"):
                    _press(device, key)
            return Reply()
        case ["tap", x, y]:
            _tap(device, float(x), float(y))
            return Reply()
        case ["text" | "swipe" | "draganddrop" | "press" | "roll" | "motionevent", *_]:
            return Reply()
    return Reply.error("Error: Unknown command: " + " ".join(arguments), 255)


def _press(device: Device, key: str) -> None:
    name = key.removeprefix("KEYCODE_")
    code = int(name) if name.isdigit() else _NAMES.get(name, 0)
    if code in device.shutter_keys:
        device.press_shutter()
    elif code == _NAMES["HOME"] or (code == _NAMES["BACK"] and device.camera_open):
        device.front = LAUNCHER
    elif code in {_NAMES["WAKEUP"], _NAMES["SLEEP"]}:
        device.screen_on = code == _NAMES["WAKEUP"]
    elif code == _NAMES["POWER"]:
        device.screen_on = not device.screen_on


def _tap(device: Device, x: float, y: float) -> None:
    """The shutter button of the camera app is where most have it: low in the middle."""
    if abs(x - device.width / 2) < device.width / 10 and y > device.height * 0.75:
        device.press_shutter()


COMMANDS: dict[str, Command] = {"input": _input}
