"""A real host in a process of its own, for everybody's tests: `with RunningHost.start(folder) as host: host.url, …`."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from host_server.wire.discovery import (
    ADMIN_TOKEN_FILE,
    HostRecord,
    read_host_record,
    read_token_file,
    write_host_record,
    write_private_file,
)

_START_S = 30.0
_STOP_S = 15.0
_LOOK_S = 0.02


@dataclass(slots=True)
class RunningHost:
    """`stop` asks it to end (SIGTERM) and waits; `kill` does not ask. Both may be called twice."""

    process: subprocess.Popen[bytes]
    record: HostRecord
    token: str
    log: Path

    @classmethod
    def start(
        cls, state_dir: Path, engines: Sequence[str] = ("echo",), *, port: int = 0, options: Sequence[str] = ()
    ) -> Self:
        """Start one and wait until it listens; what it says goes to `state_dir/host.log`."""
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = state_dir / "host.log"
        arguments = [sys.executable, "-P", "-m", "host_server", "--state-dir", str(state_dir), "--port", str(port)]
        for engine in engines:
            arguments += ["--engine", engine]
        root = Path(__file__).parents[2]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tools")])}
        with log.open("ab") as out:
            process = subprocess.Popen([*arguments, *options], stdout=out, stderr=out, env=environ)
        try:
            record = _wait_for_record(process, state_dir, log)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return cls(process, record, read_token_file(state_dir / ADMIN_TOKEN_FILE), log)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self.record.url

    @property
    def socket_url(self) -> str:
        """`ws://127.0.0.1:PORT/v1/responses`."""
        return self.url.replace("http", "ws", 1) + "/v1/responses"

    @property
    def headers(self) -> dict[str, str]:
        """What proves the admin."""
        return {"authorization": f"Bearer {self.token}"}

    def known_in(self, state_dir: Path) -> Path:
        """Make it the host that bridges with this state folder find: starting one for each test costs a second."""
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private_file(state_dir / ADMIN_TOKEN_FILE, self.token + "\n")
        write_host_record(state_dir, self.record)
        return state_dir

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(_STOP_S)

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        self.process.kill()
        self.process.wait(_STOP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()


def _wait_for_record(process: subprocess.Popen[bytes], state_dir: Path, log: Path) -> HostRecord:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        record = read_host_record(state_dir)
        if record is not None and record.pid == process.pid:
            return record
        if process.poll() is not None:
            raise RuntimeError(f"the host ended with {process.returncode}: {log.read_text(encoding='utf-8')[-2000:]}")
        time.sleep(_LOOK_S)
    raise TimeoutError(f"the host does not listen: {log.read_text(encoding='utf-8')[-2000:]}")
