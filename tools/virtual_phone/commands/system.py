"""getprop, setprop, settings, svc, logcat, reboot, cmd, content: small state, small answers."""

from virtual_phone.commands.apps import COMMANDS as APPS
from virtual_phone.commands.reply import Command, Reply
from virtual_phone.commands.screen import COMMANDS as SCREEN
from virtual_phone.device import Device

__all__ = ["COMMANDS"]


def _getprop(device: Device, arguments: list[str]) -> Reply:
    match arguments:
        case []:
            return Reply.text("\n".join(f"[{k}]: [{v}]" for k, v in sorted(device.properties.items())))
        case [name, *default]:
            return Reply.text(device.properties.get(name, default[0] if default else ""))
    raise AssertionError


def _setprop(device: Device, arguments: list[str]) -> Reply:
    name, value = arguments
    if name.startswith("ro."):
        return Reply.error(f"Failed to set property '{name}' to '{value}'.")
    device.properties[name] = value
    return Reply()


def _settings(device: Device, arguments: list[str]) -> Reply:
    words = list(arguments)
    if "--user" in words:
        at = words.index("--user")
        del words[at : at + 2]
    match words:
        case ["get", space, name]:
            return Reply.text(device.settings.get((space, name), "null"))
        case ["put", space, name, value, *_]:
            device.settings[space, name] = value
            return Reply()
        case ["delete", space, name]:
            removed = device.settings.pop((space, name), None)
            return Reply.text(f"Deleted {0 if removed is None else 1} rows")
        case ["list", space]:
            found = sorted((name, value) for (s, name), value in device.settings.items() if s == space)
            return Reply("".join(f"{name}={value}\n" for name, value in found).encode())
    return Reply.error(f"Invalid command: {' '.join(arguments)}", 255)


def _svc(device: Device, arguments: list[str]) -> Reply:
    match arguments:
        case ["power", "stayon", value]:
            device.settings["global", "stay_on_while_plugged_in"] = "0" if value == "false" else "3"
        case ["power", "reboot", *_]:
            return _reboot(device, [])
    return Reply()


def _logcat(_device: Device, arguments: list[str]) -> Reply:
    return Reply() if "-c" in arguments or "--clear" in arguments else Reply.text("--------- beginning of main")


def _reboot(device: Device, _arguments: list[str]) -> Reply:
    device.reboot()
    return Reply()


def _cmd(device: Device, arguments: list[str]) -> Reply:
    match arguments:
        case ["package", *words]:
            return APPS["pm"](device, words)
        case ["activity", *words]:
            return APPS["am"](device, words)
        case ["window", *words]:
            return SCREEN["wm"](device, words)
        case ["notification" | "statusbar" | "media_session" | "uimode", *_]:
            return Reply()
    return Reply.error(f"cmd: Can't find service: {arguments[0] if arguments else ''}", 20)


def _content(device: Device, arguments: list[str]) -> Reply:
    """The pictures MediaStore knows: those with a final name."""
    uri = arguments[arguments.index("--uri") + 1]
    if arguments[0] == "call":
        return Reply.text("Result: Bundle[{}]")
    if arguments[0] != "query" or "images/media" not in uri:
        return Reply.text("No result found.")
    names = device.camera.names()
    rows = (f"Row: {i} _id={i + 1}, _display_name={name}" for i, name in enumerate(names))
    return Reply.text("\n".join(rows) if names else "No result found.")


COMMANDS: dict[str, Command] = {
    "cmd": _cmd,
    "content": _content,
    "getprop": _getprop,
    "logcat": _logcat,
    "reboot": _reboot,
    "setprop": _setprop,
    "settings": _settings,
    "svc": _svc,
}
