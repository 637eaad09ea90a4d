"""am, monkey and pm: starting apps and saying which there are."""

from dataclasses import dataclass

from virtual_phone.commands.reply import Command, Reply
from virtual_phone.device import CAMERA, CHROME, LAUNCHER, Device

__all__ = ["COMMANDS"]

_VIEW = "android.intent.action.VIEW"
_CAMERA_ACTIONS = (
    "android.media.action.STILL_IMAGE_CAMERA",
    "android.media.action.STILL_IMAGE_CAMERA_SECURE",
    "android.media.action.IMAGE_CAPTURE",
)
_MAIN = {
    "com.android.camera2": CAMERA,
    "com.android.chrome": CHROME,
    "com.android.launcher3": LAUNCHER,
    "com.android.settings": "com.android.settings/.Settings",
}
# Options of `am start` and how many words each takes; those of an intent and those of the command.
_EXTRAS = ("--es", "--ei", "--ez", "--el", "--ef", "--eu", "--esa", "--eia", "--ela", "--efa", "-e")
_WITH_VALUE = ("-a", "-d", "-t", "-i", "-c", "-n", "-p", "-f", "-R", "--user", "--display", "--windowingMode", "--esn")
_HONEST_SINCE = 29
_BROWSERS = {"com.android.chrome", "org.mozilla.firefox"}
_PATHS = "/data/app/{package}-1/base.apk"


@dataclass(slots=True)
class _Intent:
    action: str = ""
    data: str = ""
    component: str = ""
    package: str = ""
    extras: bool = False
    wait: bool = False

    def __str__(self) -> str:
        parts = [f"act={self.action}" if self.action else "", f"dat={self.data}" if self.data else ""]
        parts += [f"pkg={self.package}" if self.package else "", f"cmp={self.component}" if self.component else ""]
        text = " ".join(part for part in parts if part)
        return f"Intent {{ {text}{' (has extras)' if self.extras else ''} }}"


def _parse(words: list[str]) -> _Intent:
    intent = _Intent()
    fields = {"-a": "action", "-d": "data", "-n": "component", "-p": "package"}
    words = list(words)
    while words:
        word = words.pop(0)
        if word in _EXTRAS:
            del words[:2]
            intent.extras = True
        elif word in _WITH_VALUE:
            value = words.pop(0)
            if word in fields:
                setattr(intent, fields[word], value)
        elif word == "-W":
            intent.wait = True
        elif not word.startswith("-"):
            _positional(intent, word)
    return intent


def _positional(intent: _Intent, word: str) -> None:
    """A last word without an option: a URI, a component or a package."""
    if ":" in word:
        intent.data = word
        intent.action = intent.action or _VIEW
    elif "/" in word:
        intent.component = word
    else:
        intent.package = word


def _am(device: Device, arguments: list[str]) -> Reply:
    match arguments:
        case ["start" | "start-activity", *words]:
            return _start(device, _parse(words))
        case ["force-stop" | "kill", *_, package]:
            if device.front.startswith(f"{package}/"):
                device.front = LAUNCHER
            return Reply()
        case ["broadcast", *words]:
            return Reply.text(f"Broadcasting: {_parse(words)}\nBroadcast completed: result=0")
        case ["get-current-user"]:
            return Reply.text("0")
    return Reply.error(f"Unknown command: {' '.join(arguments)}", 255)


def _start(device: Device, intent: _Intent) -> Reply:
    starting = f"Starting: {intent}"
    activity = _resolve(intent)
    if activity is None:
        return _failed(device, starting, f"Error: Activity not started, unable to resolve {intent}")
    package = activity.partition("/")[0]
    if package not in device.packages:
        return _failed(device, starting, f"Error type 3\nError: Activity class {{{activity}}} does not exist.")
    device.front = activity
    device.screen_on = True
    if intent.action == _VIEW and intent.data.startswith(("http://", "https://")):
        device.open_url(intent.data)
    if intent.wait:
        starting += f"\nStatus: ok\nLaunchState: COLD\nActivity: {activity}\nTotalTime: 210\nWaitTime: 215\nComplete"
    return Reply.text(starting)


def _failed(device: Device, starting: str, why: str) -> Reply:
    """In words; older releases end with 0 all the same."""
    return Reply(f"{starting}\n".encode(), f"{why}\n".encode(), 1 if device.sdk >= _HONEST_SINCE else 0)


def _resolve(intent: _Intent) -> str | None:
    """Which activity answers an intent."""
    if intent.component:
        package, _, activity = intent.component.partition("/")
        full = f"{package}{activity}" if activity.startswith(".") else activity
        return _MAIN[package] if package in _MAIN and _MAIN[package].endswith(full) else f"{package}/{activity}"
    if intent.action in _CAMERA_ACTIONS:
        return CAMERA
    if intent.package:
        return _MAIN.get(intent.package, f"{intent.package}/.MainActivity")
    if intent.action == _VIEW and intent.data.startswith(("http://", "https://")):
        return CHROME
    return "com.android.settings/.Settings" if intent.action == "android.settings.SETTINGS" else None


def _resolved(device: Device, intent: _Intent) -> Reply:
    """Which activity would answer, in two lines; with two browsers and none of them chosen, the question which."""
    activity = _resolve(intent)
    if activity is None or activity.partition("/")[0] not in device.packages:
        return Reply.text("No activity found")
    if activity == CHROME and len(device.packages.keys() & _BROWSERS) > 1:
        activity = "android/com.android.internal.app.ResolverActivity"
    return Reply.text(f"priority=0 preferredOrder=0 match=0x208000 specificIndex=-1 isDefault=true\n{activity}")


def _monkey(device: Device, arguments: list[str]) -> Reply:
    package = arguments[arguments.index("-p") + 1]
    if package not in device.packages:
        return Reply.error("** No activities found to run, monkey aborted.", 252)
    device.front = _MAIN.get(package, f"{package}/.MainActivity")
    return Reply.text("Events injected: 1")


def _pm(device: Device, arguments: list[str]) -> Reply:
    match arguments:
        case ["list", "packages", *options]:
            wanted = [word for word in options if not word.startswith("-")]
            third_party = "-3" in options
            names = [p for p in sorted(device.packages) if not third_party and all(w in p for w in wanted)]
            return Reply("".join(f"package:{name}\n" for name in names).encode())
        case ["path", *_, package]:
            found = package in device.packages
            return Reply.text(f"package:{_PATHS.format(package=package)}") if found else Reply(status=1)
        case ["resolve-activity", *words]:
            return _resolved(device, _parse([word for word in words if word != "--brief"]))
        case ["grant" | "revoke" as verb, *_, package, "android.permission.CAMERA"] if package in device.packages:
            (device.camera_granted.add if verb == "grant" else device.camera_granted.discard)(package)
            return Reply()
        case ["grant" | "revoke" | "clear" | "enable" | "disable-user", *words]:
            known = any(word in device.packages for word in words)
            done = Reply.text("Success") if arguments[0] == "clear" else Reply()
            return done if known else Reply.error(f"Unknown package: {words[0]}", 255)
        case ["install" | "uninstall", *_]:
            return Reply.error("Failure [INSTALL_FAILED_USER_RESTRICTED: a virtual phone runs no apps]")
    return Reply.error(f"Unknown command: {' '.join(arguments)}", 255)


COMMANDS: dict[str, Command] = {"am": _am, "monkey": _monkey, "pm": _pm}
