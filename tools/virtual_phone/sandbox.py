"""How a command runs so that it sees a phone and not the laptop: a ladder of three rungs.

bubblewrap (namespaces), proot (ptrace, where containers forbid namespaces), and, where neither works, the phone's
paths rewritten in the command's text, which hides nothing. Inside the first two there are the phone's own folders, the
laptop's /usr and libraries read-only, and the interpreter of the stub commands; no home, no project. The network is the
laptop's: `localhost` is the phone's own address, but a script that names 127.0.0.1 reaches the laptop.
"""

import os
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from virtual_phone.services.process import Invocation
from virtual_phone.services.shell_wire import ShellRequest

__all__ = ["RUNGS", "Sandbox", "SandboxError", "choose"]

_TRIAL_DEADLINE = 10.0
_TRIAL_STATUS = 7
_SHELL = "/system/bin/sh"
_SOCKET_FOLDER = "/dev/socket"
_SOCKET_NAME = "virtual_phone"


class SandboxError(Exception):
    """The sandbox that was asked for does not work here."""


class Sandbox(ABC):
    """One rung of the ladder, for one phone. `run` is the folder of the phone's control socket."""

    name: str
    wrappers: int

    def __init__(self, root: Path, run: Path, serial: str) -> None:
        self.root = root
        self.run = run
        self.serial = serial

    @abstractmethod
    def invoke(self, request: ShellRequest) -> Invocation:
        """How to run what the host asked for."""

    def environment(self, request: ShellRequest) -> dict[str, str]:
        """The environment adbd gives its commands."""
        return {
            "PATH": "/system/bin",
            "HOME": "/",
            "HOSTNAME": self.serial,
            "LOGNAME": "shell",
            "SHELL": _SHELL,
            "TMPDIR": "/data/local/tmp",
            "USER": "shell",
            "EXTERNAL_STORAGE": "/sdcard",
            "ANDROID_DATA": "/data",
            "ANDROID_ROOT": "/system",
            "VIRTUAL_PHONE_SOCKET": f"{_SOCKET_FOLDER}/{_SOCKET_NAME}",
        } | request.environment

    def works(self) -> bool:
        """Try it."""
        what = self.invoke(ShellRequest(f"exit {_TRIAL_STATUS}", v2=True, pty=False))
        try:
            done = subprocess.run(
                what.argv, env=what.env, cwd=what.cwd, capture_output=True, timeout=_TRIAL_DEADLINE, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == _TRIAL_STATUS


class _Bubblewrap(Sandbox):
    name = "bubblewrap"
    wrappers = 2  # bwrap itself, and its child that reaps inside the new process namespace

    def invoke(self, request: ShellRequest) -> Invocation:
        argv = [_program("bwrap"), "--die-with-parent", "--unshare-user", "--uid", "2000", "--gid", "2000"]
        argv += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", self.serial, "--tmpfs", "/"]
        for folder in _exposed():
            argv += ["--ro-bind", folder, folder]
        for link, target in _top_links().items():
            argv += ["--symlink", target, link]
        argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # ruff: ignore[hardcoded-temp-file]
        argv += ["--bind", str(self.run), _SOCKET_FOLDER]
        argv += ["--bind", f"{self.root}/storage", "/storage", "--bind", f"{self.root}/data", "/data"]
        argv += ["--ro-bind", f"{self.root}/system", "/system", "--symlink", "/storage/self/primary", "/sdcard"]
        argv += ["--ro-bind", f"{self.root}/system/etc", "/etc"]
        argv += ["--remount-ro", "/", "--chdir", "/", *_inner(request)]
        return Invocation(argv, self.environment(request), self.root, wrappers=self.wrappers)


class _Proot(Sandbox):
    name = "proot"
    wrappers = 1

    def invoke(self, request: ShellRequest) -> Invocation:
        argv = [_program("proot"), "-r", str(self.root)]
        for folder in _exposed():
            argv += ["-b", folder]
        for link, target in _top_links().items():
            argv += ["-b", f"{os.path.realpath(link) if Path(link).exists() else target}:{link}"]
        for device in ("null", "zero", "urandom", "random", "tty", "pts", "ptmx"):
            argv += ["-b", f"/dev/{device}"]
        argv += ["-b", f"{self.run}:{_SOCKET_FOLDER}", "-w", "/", *_inner(request)]
        return Invocation(argv, self.environment(request), self.root, wrappers=self.wrappers)


class _Rewriting(Sandbox):
    name = "no sandbox (paths are rewritten)"
    wrappers = 0

    def invoke(self, request: ShellRequest) -> Invocation:
        environment = self.environment(request) | {
            "PATH": f"{self.root}/system/bin",
            "HOME": str(self.root),
            "TMPDIR": f"{self.root}/data/local/tmp",
            "SHELL": f"{self.root}{_SHELL}",
            "EXTERNAL_STORAGE": f"{self.root}/storage/emulated/0",
            "VIRTUAL_PHONE_SOCKET": str(self.run / _SOCKET_NAME),
        }
        command = _rewrite(request.command, self.root)
        inner = _inner(ShellRequest(command, request.v2, request.pty), prefix=str(self.root))
        return Invocation(inner, environment, self.root, wrappers=self.wrappers)


RUNGS: dict[str, type[Sandbox]] = {"bubblewrap": _Bubblewrap, "proot": _Proot, "none": _Rewriting}
_known_to_work: dict[str, bool] = {}


def choose(wanted: str, root: Path, run: Path, serial: str) -> Sandbox:
    """The best rung that works here, or the one asked for. Raises `SandboxError`."""
    if wanted not in {"auto", *RUNGS}:
        raise SandboxError(f"no such sandbox: {wanted}; there are auto, {', '.join(RUNGS)}")
    for name, rung in RUNGS.items():
        if wanted in {"auto", name}:
            sandbox = rung(root, run, serial)
            if name not in _known_to_work:  # the same for all phones of a process
                _known_to_work[name] = name == "none" or (shutil.which(_BINARIES[name]) is not None and sandbox.works())
            if _known_to_work[name]:
                return sandbox
    raise SandboxError(f"the sandbox {wanted} does not work on this machine")


_BINARIES = {"bubblewrap": "bwrap", "proot": "proot"}


def _program(name: str) -> str:
    """Where a wrapper is, found on the laptop's PATH and not the phone's."""
    return shutil.which(name) or name


def _inner(request: ShellRequest, *, prefix: str = "") -> Sequence[str]:
    """The phone's shell; with a terminal it leads a session that owns it."""
    shell = [f"{prefix}{_SHELL}", *(["-c", request.command] if request.command else ["-i"])]
    # The laptop's setsid: toybox 0.8.9 has the option and does not do it.
    setsid = shutil.which("setsid") if request.pty else None
    if setsid is None:
        return shell
    # Without a wrapper it is a group leader, must fork, and is asked to wait.
    return [setsid, "-c", *(["-w"] if prefix else []), *shell]


def _exposed() -> list[str]:
    """Folders of the laptop that a phone sees, read-only."""
    folders = ["/usr", *(f"/{name}" for name in ("lib", "lib32", "lib64", "libx32") if _is_real(f"/{name}"))]
    if _is_real("/bin"):
        folders.append("/bin")  # an old laptop keeps its shell there
    python = os.path.realpath(sys.base_prefix)
    return folders if python.startswith("/usr/") or python == "/usr" else [*folders, python]


def _top_links() -> dict[str, str]:
    """Links at the top of the laptop's file system that programs need to find their libraries."""
    names = ("lib", "lib32", "lib64", "libx32")
    links = {f"/{name}": str(Path(f"/{name}").readlink()) for name in names if Path(f"/{name}").is_symlink()}
    return links if _is_real("/bin") else links | {"/bin": "/system/bin"}


def _is_real(folder: str) -> bool:
    return Path(folder).is_dir() and not Path(folder).is_symlink()


def _rewrite(command: str, root: Path) -> str:
    """The phone's paths in a command's text, as the laptop knows them."""
    pattern = r"(?<![\w./-])/(sdcard|storage/emulated/0|data/local/tmp|system/bin)(?![\w-])"
    places = {"sdcard": "storage/emulated/0"}
    return re.sub(pattern, lambda found: f"{root}/{places.get(found[1], found[1])}", command)
