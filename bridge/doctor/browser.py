"""The browser on the phone: which one opens the page, is it past its welcome screen, may it use the camera?

Android's own grant of the camera to the browser can be seen; the browser's grant to the page cannot, nor can most of
what a browser has been through. What cannot be seen is said to be so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.adb.transport import Transport
from bridge.doctor.finding import Finding, passed, warned

__all__ = ["BrowserFacts", "judge_browser", "look_at_browser", "parse_activity", "parse_package", "parse_resumed"]

KNOWN: Final = (
    "com.android.chrome",
    "com.chrome.beta",
    "org.chromium.chrome",
    "com.sec.android.app.sbrowser",
    "com.microsoft.emmx",
    "org.mozilla.firefox",
    "com.brave.browser",
    "com.huawei.browser",
    "com.mi.globalbrowser",
)
CHOOSER: Final = "android"
CALL_S: Final = 4.0
DUMP_LIMIT: Final = 1 << 22
_ACTIVITY = re.compile(rb"^([A-Za-z][\w.]*)/([\w.$]+)\s*$", re.MULTILINE)
_RESUMED = re.compile(rb"ResumedActivity[^\n]*?\s([A-Za-z][\w.]*/[\w.$]+)")
_CAMERA = re.compile(rb"android\.permission\.CAMERA: granted=(true|false)")
_LAUNCHED = re.compile(rb"^\s*User 0:[^\n]*?\b(stopped|notLaunched)=true", re.MULTILINE)
_WELCOME = re.compile(r"firstrun|\bfre\b|welcome|onboard", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """None where adb could not see it. `package` is empty when nothing opens a page."""

    package: str
    resumed: str = ""
    camera: bool | None = None
    fresh: bool = False
    """Never started since it was installed or reset: its welcome screen is still to come."""


async def look_at_browser(transport: Transport, url: str) -> BrowserFacts:
    """Ask the phone what it would open `url` with, and how that program is. Opens nothing."""
    view = ["-a", "android.intent.action.VIEW", "-d", url]
    resolved = await transport.shell(["cmd", "package", "resolve-activity", "--brief", *view], deadline=CALL_S)
    package = parse_activity(resolved.stdout)
    if package is None:
        listed = await transport.shell(["pm", "list", "packages"], deadline=CALL_S)
        there = {line.removeprefix("package:") for line in listed.stdout.decode(errors="replace").split()}
        package = next((name for name in KNOWN if name in there), "")
    if package in {"", CHOOSER}:
        return BrowserFacts(package)
    front = await transport.shell(["dumpsys", "activity", "activities"], deadline=CALL_S, limit=DUMP_LIMIT)
    dump = await transport.shell(["dumpsys", "package", package], deadline=CALL_S, limit=DUMP_LIMIT)
    camera, fresh = parse_package(dump.stdout)
    return BrowserFacts(package, parse_resumed(front.stdout), camera, fresh)


def parse_activity(text: bytes) -> str | None:
    """The package in `resolve-activity --brief`: empty for «No activity found», None when the command is unknown."""
    if b"No activity found" in text:
        return ""
    found = _ACTIVITY.findall(text)
    return found[-1][0].decode() if found else None


def parse_resumed(text: bytes) -> str:
    """The activity in front, as `package/activity`; empty when the dump does not say."""
    found = _RESUMED.search(text)
    return found[1].decode(errors="replace") if found else ""


def parse_package(text: bytes) -> tuple[bool | None, bool]:
    """Whether Android lets the program use the camera (None: not said), and whether it was never started."""
    granted = _CAMERA.findall(text)
    return (granted[-1] == b"true" if granted else None), _LAUNCHED.search(text) is not None


def judge_browser(area: str, facts: BrowserFacts) -> Sequence[Finding]:
    """Everything between a tap and the page that asks for the camera."""
    if not facts.package:
        hint = "install Chrome or another browser; without one use the camera app: `bridge connect --no-page`"
        return [warned(area, "browser", "nothing on the phone opens web pages", hint=hint)]
    if facts.package == CHOOSER:
        hint = "open any link on the phone, choose a browser and tap «Always»"
        return [warned(area, "browser", "the phone asks each time which browser to take", hint=hint)]
    return [passed(area, "browser", f"{facts.package} opens the page", package=facts.package), *_ready(area, facts)]


def _ready(area: str, facts: BrowserFacts) -> list[Finding]:
    found = []
    in_front = facts.resumed.partition("/")[0] == facts.package
    if facts.fresh or (in_front and _WELCOME.search(facts.resumed)):
        text = "the browser shows its welcome screen" if not facts.fresh else "the browser was never started"
        hint = "unlock the phone, open the browser and go through its welcome screens once"
        found.append(warned(area, "welcome", text, hint=hint, activity=facts.resumed))
    if facts.camera is False:
        hint = f"tap «Allow» when the browser asks, or `adb shell pm grant {facts.package} android.permission.CAMERA`"
        found.append(warned(area, "camera", "Android does not let the browser use the camera yet", hint=hint))
    elif facts.camera:
        text = "the browser may use the camera; its own question for the page is tapped once on the phone"
        found.append(passed(area, "camera", text))
    else:
        found.append(passed(area, "camera", "adb cannot see whether the browser may use the camera"))
    return found
