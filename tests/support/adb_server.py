"""A private adb server for tests: own port, own keys, no network discovery, ended with the test session.

The real server is Google's, unmodified; the developer's own one on port 5037 is never touched. It runs in the
foreground as our child, so that it can be killed by its process id and leaves nothing behind.
"""

import asyncio
import importlib.util
import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

__all__ = ["PrivateAdbServer", "bundled_adb", "chosen_adb"]

_START_DEADLINE = 15.0
_STOP_DEADLINE = 5.0
_TRIES = 3


def bundled_adb() -> str:
    """The adb binary inside the adbutils package, found without importing it."""
    spec = importlib.util.find_spec("adbutils")
    if spec is None or spec.origin is None:
        raise RuntimeError("adbutils is not installed")
    return str(Path(spec.origin).parent / "binaries" / "adb")


def chosen_adb() -> str:
    """The adb that the tests run on: $ADB, else the bundled one."""
    return os.environ.get("ADB") or bundled_adb()


class PrivateAdbServer:
    """One adb server on a port of its own; `env` points every adb client at it."""

    def __init__(self, home: Path, *, adb: str | None = None, more_env: dict[str, str] | None = None) -> None:
        self.adb = adb or chosen_adb()
        self.host = "127.0.0.1"
        self.port = 0
        self.log = home / "adb-server.log"
        self._home = home
        self._more_env = more_env or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment for clients of this server, and for the server itself."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ADB_", "ANDROID_"))}
        return kept | {
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "ADB_MDNS": "0",
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554",  # no probing of 5555..5585: a phone there is adopted as an emulator
            "ADB_SERVER_SOCKET": f"tcp:localhost:{self.port}",
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            **self._more_env,
        }

    @property
    def pid(self) -> int:
        """The process id of the running server; raises when it does not run."""
        if self._process is None:
            raise RuntimeError("the adb server is not running")
        return self._process.pid

    def start(self, *, port: int = 0) -> Self:
        """Start the server and wait until it answers; without a port, on a free one."""
        for _ in range(_TRIES):
            self.port = port or _free_port()
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [self.adb, "-L", f"tcp:localhost:{self.port}", "server", "nodaemon"],
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            if self._wait_until_up():
                return self
            self.kill()
        raise RuntimeError(f"the adb server did not start; its log ends: {self.log.read_text()[-500:]}")

    def stop(self) -> None:
        """End the server, and any other one that took its port meanwhile."""
        self.kill()
        if _ask(self.port, "host:kill"):
            deadline = time.monotonic() + _STOP_DEADLINE
            while _ask(self.port, "host:version") and time.monotonic() < deadline:
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill the server at once (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_DEADLINE)
            self._process = None

    def restart(self) -> None:
        """Kill the server and start a new one on the same port."""
        self.kill()
        self.start(port=self.port)

    def run_bytes(self, *args: str, timeout: float = 20.0, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run one adb command to its end. Blocks: with a phone in this event loop use `call`."""
        return subprocess.run(
            [self.adb, *args], env=self.env, input=stdin, capture_output=True, timeout=timeout, check=False
        )

    def run(self, *args: str, timeout: float = 20.0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Like `run_bytes`, with text."""
        done = self.run_bytes(*args, timeout=timeout, stdin=stdin.encode())
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    async def call(self, *args: str, deadline: float = 20.0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`run` in a thread, so that a phone in this event loop can answer."""
        return await asyncio.to_thread(self.run, *args, timeout=deadline, stdin=stdin)

    async def connect(self, address: str, *, state: str = "device") -> None:
        """`adb connect`, then wait until the phone has the state."""
        await self.call("connect", address)
        await self.wait_for(address, state)

    async def wait_for(self, serial: str, state: str | None = "device", *, deadline: float = 10.0) -> None:
        """Wait until the server lists the phone with the state (None: does not list it)."""
        end = time.monotonic() + deadline
        while True:
            listing = (await self.call("devices")).stdout
            found = re.search(rf"^{re.escape(serial)}\t(\S+)", listing, re.MULTILINE)
            if (found[1] if found else None) == state:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{serial} is not {state!r} after {deadline} s: {listing!r}")
            await asyncio.sleep(0.02)

    def _wait_until_up(self) -> bool:
        deadline = time.monotonic() + _START_DEADLINE
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            if _ask(self.port, "host:version"):
                return True
            time.sleep(0.02)
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _ask(port: int, service: str) -> bool:
    """Whether an adb server on the port answers OKAY to a host service."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
            connection.settimeout(2.0)
            connection.sendall(f"{len(service):04x}{service}".encode())
            return connection.recv(4) == b"OKAY"
    except OSError:
        return False
