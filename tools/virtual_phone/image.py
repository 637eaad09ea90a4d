"""The phone's files as they come from the factory: folders, shell, tools, its own /etc/hosts.

Tools are symlinks to what the laptop has, best first: toybox is what phones really have. Only names that phones have
are linked, so a script that works here does not find a tool that is missing there.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from virtual_phone import inotify_script, stub_script
from virtual_phone.releases import TOOL_SINCE, Inotifyd

__all__ = ["Image", "build"]

_FOLDERS = (
    "storage/emulated/0/DCIM/Camera",
    "storage/emulated/0/Download",
    "storage/emulated/0/Pictures",
    "storage/self",
    "data/local/tmp",
    "system/bin",
    "system/etc",
)
_LINKS = {"sdcard": "/storage/self/primary", "storage/self/primary": "/storage/emulated/0", "etc": "/system/etc"}
_LIBRARY_CACHE = Path("/etc/ld.so.cache")
_NEWEST_SDK = 36
_SHELLS = ("mksh", "busybox", "dash", "sh")


@dataclass(frozen=True, slots=True)
class Image:
    """A phone's file system on the laptop, and what its shell is made of."""

    root: Path
    shell: str
    tools: str

    @property
    def storage(self) -> Path:
        """What the phone calls /sdcard."""
        return self.root / "storage/emulated/0"


def build(
    root: Path, *, loopback: str, stubs: tuple[str, ...], sdk: int = _NEWEST_SDK, inotifyd: Inotifyd = "old"
) -> Image:
    """Make the folders and links under `root`; files that a user left there stay."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, target in _LINKS.items():
        _link(root / name, target)
    _write_etc(root / "system/etc", loopback)
    shell = next(path for name in _SHELLS if (path := shutil.which(name)))
    tools, providers = _tools()
    tools = {name: target for name, target in tools.items() if TOOL_SINCE.get(name, 0) <= sdk}
    tools.pop("inotifyd", None)
    if inotifyd == "old" and (binary := shutil.which("toybox")) is not None:
        tools["inotifyd"] = os.path.realpath(binary)  # Debian's skips a mask's first letter, as phones before 2024 do
    for name, target in tools.items():
        _link(root / "system/bin" / name, target)
    _link(root / "system/bin/sh", os.path.realpath(shell))
    _write_stubs(root / "system/bin", stubs)
    if inotifyd == "new":
        _write_script(root / "system/bin/inotifyd", inotify_script)
    return Image(root, Path(shell).name, providers)


def _write_etc(etc: Path, loopback: str) -> None:
    (etc / "hosts").write_text(f"{loopback} localhost\n")
    (etc / "nsswitch.conf").write_text("hosts: files\n")
    (etc / "passwd").write_text("root:x:0:0::/:/system/bin/sh\nshell:x:2000:2000::/:/system/bin/sh\n")
    if _LIBRARY_CACHE.exists():  # libraries outside the default folders are found by it
        shutil.copyfile(_LIBRARY_CACHE, etc / _LIBRARY_CACHE.name)
    (etc / "group").write_text("root:x:0:\nshell:x:2000:\nsdcard_rw:x:1015:\n")


def _write_stubs(folder: Path, names: tuple[str, ...]) -> None:
    _write_script(folder / ".stub", stub_script)
    for name in names:
        _link(folder / name, ".stub")


def _write_script(path: Path, module: ModuleType) -> None:
    """One of our modules as a program of the phone."""
    body = Path(str(module.__file__)).read_text(encoding="utf-8")
    # The base interpreter: a virtual environment may lie where the sandbox does not reach.
    path.write_text(f"#!{os.path.realpath(sys.executable)} -IS\n{body}", encoding="utf-8")
    path.chmod(0o755)


def _link(path: Path, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    path.symlink_to(target)


@cache
def _phone_tools() -> tuple[str, ...]:
    """The names of Android 14's shell tools, as far as they are of use without hardware."""
    return tuple(Path(__file__).with_name("phone_tools.txt").read_text(encoding="utf-8").split())


@cache
def _tools() -> tuple[dict[str, str], str]:
    """Where each of the phone's tools is taken from, and the name of the best provider."""
    providers = {
        "toybox": _listed("toybox", []),
        # What Debian's toybox leaves out (tr, awk, stty …) is on every phone.
        "the laptop's tools": {name: os.path.realpath(path) for name in _phone_tools() if (path := shutil.which(name))},
        "busybox": _listed("busybox", ["--list"]),
    }
    order = sorted(providers, key=lambda name: name == "the laptop's tools" and not providers["toybox"])
    found: dict[str, str] = {}
    for provider in reversed(order):
        found |= providers[provider]
    best = next(provider for provider in order if providers[provider])
    return {name: found[name] for name in _phone_tools() if name in found}, best


def _listed(provider: str, arguments: list[str]) -> dict[str, str]:
    """The names a multi-call binary answers to, each with the binary's path."""
    binary = shutil.which(provider)
    if binary is None:
        return {}
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=10, check=False)
    return dict.fromkeys(done.stdout.split(), os.path.realpath(binary))
