"""Find the host that answers the questions, or start one: asked anew at every reconnect, so a killed host is replaced.

```
--host-url ──► that host, with the given key
host.json  ──► if /health/live answers there
neither    ──► under a file lock: look again, then `python -P -m host_server` as a process of its own
```
A host started here belongs to nobody: it ends by itself half a minute after its last client.
"""

import asyncio
import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from bridge.client.state import is_loopback
from bridge.client.tls import trusted
from bridge.errors import DeadlinePassed, HostUnavailable, TokenRefused, UsageError
from host_server.wire.discovery import (
    ADMIN_TOKEN_FILE,
    UnsafeFileError,
    private_folder,
    read_host_record,
    read_token_file,
)

__all__ = ["HostAt", "HostFinder", "checked_url"]

# The first start of the OCR engine reads 30 MB of models from a cold disk.
START_DEADLINE_S = 60.0
LOOK_EVERY_S = 0.05
IDLE_EXIT_S = 30
LOG_FILE, LOCK_FILE = "host.log", "host.lock"
LOG_LIMIT = 1 << 20

_KEY_HINT = "give --token-file or BRIDGE_TOKEN; `bridge-host token new NAME` on the host makes a key"
_LAST_PORT = 65535
# Written out: no user, query or odd character, which one library would read in another way than the next.
_URL = re.compile(
    r"(?P<scheme>https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?:/[A-Za-z0-9._~-]+)*/?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class HostAt:
    """Where the host is and the key that opens it; `started` is the pid when this call started it."""

    url: str
    token: str
    started: int | None = None


class HostFinder:
    """Gives the host's address whenever it is asked for. Safe to ask from several tasks."""

    def __init__(
        self,
        state_dir: Path,
        *,
        url: str | None = None,
        token: str | None = None,
        token_file: Path | None = None,
        engines: Sequence[str] = (),
    ) -> None:
        self._state_dir = state_dir
        self._url = checked_url(url) if url else None
        self._token, self._token_file = token, token_file
        self._engines = tuple(engines)
        self._one_at_a_time = asyncio.Lock()
        self._children: list[subprocess.Popen[bytes]] = []

    async def locate(self) -> HostAt:
        """The running host. Raises `HostUnavailable` (6) or `TokenRefused` (10)."""
        if self._url:
            return HostAt(self._url, self._given_token())
        async with self._one_at_a_time:
            if found := await self._recorded():
                return found
            return await asyncio.to_thread(self._locked_start, asyncio.get_running_loop())

    async def running(self) -> HostAt | None:
        """The host that is meant if there is one already; nothing is started. Raises `TokenRefused` (10)."""
        return HostAt(self._url, self._given_token()) if self._url else await self._recorded()

    async def __call__(self) -> tuple[str, str]:
        """`(url, token)`: the form `HostClient` asks for at each connect."""
        at = await self.locate()
        return at.url, at.token

    def stop_started(self, within: float = 10.0) -> None:
        """End the hosts this finder started: for the demo and tests, which want nothing left behind."""
        for child in self._children:
            child.terminate()
        for child in self._children:
            try:
                child.wait(within)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._children.clear()

    def _given_token(self) -> str:
        if self._token:
            return self._token
        if self._token_file is None and not is_loopback(self._url or ""):
            # The key in our state folder opens the host of this machine; another one has no business with it.
            raise TokenRefused(f"no key for {self._url}", hint=_KEY_HINT)
        path = self._token_file or (self._state_dir / ADMIN_TOKEN_FILE)
        try:
            return read_token_file(path)
        except (OSError, UnsafeFileError) as error:
            reason = f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error)
            raise TokenRefused(
                f"no key for {self._url}: {reason}",
                hint=_KEY_HINT,
            ) from None

    async def _recorded(self) -> HostAt | None:
        record = read_host_record(self._state_dir)
        if record is None or not _runs(record.pid) or not await _answers(record.url):
            return None
        try:
            return HostAt(record.url, read_token_file(self._state_dir / ADMIN_TOKEN_FILE))
        except (OSError, UnsafeFileError) as error:
            raise TokenRefused(
                f"the host's key cannot be read: {error}", hint="its state folder must be yours alone"
            ) from None

    def _locked_start(self, loop: asyncio.AbstractEventLoop) -> HostAt:
        """In a thread: another bridge may be starting the host right now; whoever has the lock does it for both."""
        self._reap()
        private_folder(self._state_dir)
        deadline = time.monotonic() + START_DEADLINE_S
        fd = os.open(self._state_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _lock(fd, deadline)
            found = asyncio.run_coroutine_threadsafe(self._recorded(), loop).result(10)
            return found or self._start(deadline, loop)
        finally:
            os.close(fd)

    def _start(self, deadline: float, loop: asyncio.AbstractEventLoop) -> HostAt:
        log = self._state_dir / LOG_FILE
        with _opened_log(log) as output:
            child = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=self._state_dir,
            )
        self._children.append(child)
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise _not_started(child.returncode, log)
            record = read_host_record(self._state_dir)
            if record is not None and record.pid == child.pid:
                found = asyncio.run_coroutine_threadsafe(self._recorded(), loop).result(10)
                if found:
                    return HostAt(found.url, found.token, started=child.pid)
            time.sleep(LOOK_EVERY_S)
        raise HostUnavailable(f"the host did not start within {START_DEADLINE_S:.0f} s", hint=f"its words are in {log}")

    def _command(self) -> list[str]:
        # -P: the folder one happens to stand in must not be able to shadow a module of ours.
        words = [sys.executable, "-P", "-m", "host_server", "--state-dir", str(self._state_dir), "--port", "0"]
        words += ["--exit-when-idle", str(IDLE_EXIT_S), "--offline"]  # nobody would see how 20 GB are fetched
        for engine in self._engines:
            words += ["--engine", engine]
        return words

    def _reap(self) -> None:
        self._children = [child for child in self._children if child.poll() is None]


def checked_url(url: str) -> str:
    """The host's URL, no slash at its end; plain http to loopback only, else key and pictures could be read."""
    match = _URL.fullmatch(url)
    if match is None or int(match["port"] or 0) > _LAST_PORT:
        raise UsageError(f"--host-url {url!r} is no http(s) address", hint="for example https://gpu-box:8443")
    if match["scheme"] == "http" and not is_loopback(url):
        raise UsageError(
            f"{url} would send the key and every picture in the clear",
            hint="use https, or an SSH tunnel to a port of localhost",
        )
    return url.rstrip("/")


def _runs(pid: int) -> bool:
    """Whether a process of ours has this number: after a crash, another user's may listen where the host did."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True


async def _answers(url: str) -> bool:
    import httpx

    try:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0, verify=trusted(url)) as client:
            return (await client.get(f"{url}/health/live")).status_code == httpx.codes.OK
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _lock(fd: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise DeadlinePassed(
                    "another bridge has been starting the host for too long", hint="see host.log in the state folder"
                ) from None
            time.sleep(LOOK_EVERY_S)


def _opened_log(path: Path) -> FileIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        flags |= os.O_TRUNC
    return FileIO(os.open(path, flags, 0o600), "ab")


def _not_started(code: int, log: Path) -> HostUnavailable:
    """In the host's own words, if it had any."""
    try:
        lines = log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    errors, hints = (_after(word, lines) for word in ("error:", "hint:"))
    last = lines[-1] if lines else "it said nothing"
    message = f"the host does not start: {errors[-1]}" if errors else f"the host ended at once with {code}: {last}"
    return HostUnavailable(message, hint=hints[-1] if hints else f"its words are in {log}")


def _after(word: str, lines: Sequence[str]) -> list[str]:
    return [line.removeprefix(word).strip() for line in lines if line.startswith(word)]
