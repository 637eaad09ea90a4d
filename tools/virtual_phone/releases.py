"""What differs between Android releases, as far as adb and a shell script can see it.

Two choices that go together on a real phone and may be mixed here: the release decides properties and tools, the daemon
decides what adb can do. A phone has its release's daemon unless another is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["DAEMONS", "FEATURES", "RELEASES", "TOOL_SINCE", "Daemon", "Inotifyd", "Release", "ReverseKind", "made_as"]

ReverseKind = Literal["works", "closed", "usb_only"]
Inotifyd = Literal["old", "new", "none"]

_OREO = ("shell_v2", "cmd", "stat_v2")
_TEN = (*_OREO, "fixed_push_mkdir", "fixed_push_symlink_timestamp")
_TWELVE = (*_TEN, "ls_v2", "sendrecv_v2")
FEATURES = (*_TWELVE, "delayed_ack")

_4_KIB, _256_KIB, _1_MIB = 4 << 10, 256 << 10, 1 << 20


@dataclass(frozen=True, slots=True)
class Daemon:
    """An adb daemon. `cooked`: its version 1 shell ends lines with CR LF."""

    told: str
    features: tuple[str, ...] = ()
    max_payload: int = _1_MIB
    execs: bool = True
    reverse: ReverseKind = "works"
    cooked: bool = False


DAEMONS: Mapping[str, Daemon] = {
    "modern": Daemon("everything this phone can do (Android 14)", FEATURES),
    "12": Daemon("without delayed acknowledgement (Android 11 to 13)", _TWELVE),
    "10": Daemon("without the second version of list and send (Android 9 and 10)", _TEN),
    "8": Daemon("packets of 256 KiB (Android 7 and 8)", _OREO, _256_KIB),
    "8_wifi": Daemon("Android 8 over the network: no reverse", _OREO, _256_KIB, reverse="usb_only"),
    "plain": Daemon("announces nothing: no exit codes, stderr with stdout"),
    "no_exec": Daemon("announces nothing and has no exec", execs=False),
    "crlf": Daemon("announces nothing, has no exec, and its shell ends lines with CR LF", execs=False, cooked=True),
    "4k": Daemon("announces nothing, in packets of 4 KiB", max_payload=_4_KIB),
    "no_reverse": Daemon("all but reverse", FEATURES, reverse="closed"),
    "old": Daemon("Android 4 to 6 at its worst: all of these", (), _4_KIB, execs=False, reverse="closed", cooked=True),
}


@dataclass(frozen=True, slots=True)
class Release:
    """An Android release: its API level, its daemon's name, the inotifyd it came with."""

    sdk: int
    daemon: str
    inotifyd: Inotifyd = "old"


RELEASES: Mapping[str, Release] = {
    "8": Release(26, "8"),
    "10": Release(29, "10"),
    "12": Release(31, "12"),
    "14": Release(34, "modern"),
    "16": Release(36, "modern", "new"),
}

# The API level that brought a tool as a file of /system/bin (AOSP, shell_and_utilities/README.md). `[` and `test` are
# words of the shell before.
TOOL_SINCE: Mapping[str, int] = {
    "awk": 28,
    "stty": 28,
    "egrep": 29,
    "fgrep": 29,
    "nc": 29,
    "netcat": 29,
    "nproc": 29,
    "getopt": 30,
    "[": 31,
    "test": 31,
}


def made_as(profile: str, daemon: str | None, features: Sequence[str] | None) -> tuple[Release, Daemon]:
    """The release of this name and its daemon, or another one, or one that announces something else."""
    if profile not in RELEASES:
        raise ValueError(f"no such release: {profile}; there are {', '.join(RELEASES)}")
    release = RELEASES[profile]
    name = daemon if daemon is not None else release.daemon
    if name not in DAEMONS:
        raise ValueError(f"no such daemon: {name}; there are {', '.join(DAEMONS)}")
    found = DAEMONS[name]
    return release, found if features is None else replace(found, features=tuple(features))
