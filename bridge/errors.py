"""What can go wrong, as the person at the terminal meets it.

```
BridgeError 70 ── UsageError 2            the command or a setting makes no sense
              ├── NoSuchDevice 3          none, several, or nothing selected
              ├── DeviceUnusable 4        there, but unauthorized, offline, leased or hanging
              ├── AdbUnreachable 5        no adb server, no adb binary
              ├── HostUnavailable 6       no host, no model
              ├── DeviceLost 7            gone in the middle of something
              ├── Incomplete 7            of several phones, not all did what was asked
              ├── QuestionRefused 9       the host refused picture, prompt or limit
              ├── TokenRefused 10         missing or refused
              ├── DeadlinePassed 124      no end within the time allowed
              └── Interrupted 130         Ctrl-C before the end
```
Each carries its exit code (design, section 7) and a hint: the next step, in words. Modules raise the class that names
what happened; `bridge.cli` alone turns it into text, JSON and an exit status.
"""

from typing import Any, ClassVar

__all__ = [
    "OTHER_EXITS",
    "AdbUnreachable",
    "BridgeError",
    "DeadlinePassed",
    "DeviceLost",
    "DeviceUnusable",
    "HostUnavailable",
    "Interrupted",
    "NoSuchDevice",
    "QuestionRefused",
    "TokenRefused",
    "UsageError",
]

OTHER_EXITS = {
    0: "All went well; Ctrl-C ends `connect` with 0.",
    1: "It ran, but a check failed.",
}
"""Exit codes that no error stands for."""


class BridgeError(Exception):
    """Base of all errors meant for people. `fields` go into `--json` beside message and hint."""

    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields
        if hint:  # a program that catches nothing shows its user the next step too
            self.add_note(f"hint: {hint}")


class UsageError(BridgeError):
    """The command line, a setting or a file given by the user makes no sense."""

    exit_code = 2


class NoSuchDevice(BridgeError):
    """No device matches, several do, or nothing was selected."""

    exit_code = 3


class DeviceUnusable(BridgeError):
    """The device is listed but cannot be worked with: unauthorized, offline, leased by somebody else."""

    exit_code = 4


class AdbUnreachable(BridgeError):
    """No adb server answers, and none could be started."""

    exit_code = 5


class HostUnavailable(BridgeError):
    """No host answers, none could be started, or its model is not there."""

    exit_code = 6


class DeviceLost(BridgeError):
    """The device went away while it was needed."""

    exit_code = 7


class Incomplete(BridgeError):
    """Several phones were asked for something, and not all of them did it. Each one's own error was told before."""

    exit_code = 7


class QuestionRefused(BridgeError):
    """The host refused the question: picture, prompt or a limit. `fields["code"]` is the wire code."""

    exit_code = 9


class TokenRefused(BridgeError):
    """The host's or front's token is missing or was refused."""

    exit_code = 10


class DeadlinePassed(BridgeError):
    """Something did not end within its absolute deadline."""

    exit_code = 124


class Interrupted(BridgeError):
    """Ctrl-C before the end; what there was is kept."""

    exit_code = 130
