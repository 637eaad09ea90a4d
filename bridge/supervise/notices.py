"""What the camera folder tells beside its pictures, as lines of the terminal (design, section 7)."""

import time
from typing import Any

from bridge.captures.notices import FolderNotice, Held, Refused, Trouble, Unfinished, Watching
from bridge.session.events import PhoneInfo

__all__ = ["notice_event"]


def notice_event(phone: PhoneInfo, notice: FolderNotice) -> dict[str, Any] | None:
    """An `error` that ends nothing (`final` is false), or None where all is as it should be."""
    match notice:
        case Watching(how="inotifyd") | Held(count=0):
            return None
        case Watching(why=why):
            return _line(phone, "watched_by_polling", f"new pictures are noticed a second late: {why}", "")
        case Held(count=count):
            message = (
                f"{count} {'picture' if count == 1 else 'pictures'} taken while nobody watched: held back, not sent"
            )
            hint = "`c` in this terminal, a tap on the page, or `bridge connect --catch-up` sends them"
            return _line(phone, "pictures_held", message, hint, count=count)
        case Refused(name=name, message=message, hint=hint):
            return _line(phone, "picture_refused", message, hint, name=name)
        case Unfinished(name=name, seconds=seconds):
            message = f"{name} ends in its middle; waiting up to {seconds:g} s for the rest"
            return _line(phone, "picture_unfinished", message, "it is asked about as it is after that", name=name)
        case Trouble(message=message, hint=hint):
            return _line(phone, "folder_trouble", message, hint)


def _line(phone: PhoneInfo, code: str, message: str, hint: str, **fields: Any) -> dict[str, Any]:
    head = {"event": "error", "ts": time.time(), "device_id": phone.device_id, "serial": phone.serial}
    return head | {"code": code, "message": message, "hint": hint, "final": False} | fields
