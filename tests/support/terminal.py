"""A terminal with one command in it: what is pressed goes in, what is shown comes out, its mode can be looked at."""

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["Terminal"]

DEADLINE_S = 20.0
_LAUNCH = "import os, sys; os.login_tty(int(sys.argv[1])); os.execvp(sys.argv[2], sys.argv[2:])"


@dataclass
class Terminal:
    """All of it waits: in an event loop, call it in a thread."""

    process: subprocess.Popen[bytes]
    before: list[int]
    _master: int
    _slave: int
    _said: bytes = b""

    @classmethod
    def start(cls, command: Sequence[str], env: Mapping[str, str] | None = None) -> Self:
        """Run the command in the foreground of a terminal of its own."""
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)[:4]
        process = subprocess.Popen([sys.executable, "-c", _LAUNCH, str(slave), *command], pass_fds=[slave], env=env)
        return cls(process, before, master, slave)

    def end(self) -> None:
        """Kill the command and take the terminal away."""
        self.process.kill()
        self.process.wait()
        os.close(self._slave)
        os.close(self._master)

    @property
    def mode(self) -> list[int]:
        """What `stty` would show."""
        return termios.tcgetattr(self._slave)[:4]

    def press(self, keys: str) -> None:
        """Type, without Return."""
        os.write(self._master, keys.encode())

    def said_until(self, text: str) -> str:
        """Wait until the command has said this; gives everything from the last time on up to it."""
        end = time.monotonic() + DEADLINE_S
        while text.encode() not in self._said:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} was not said, only {self._said!r}"
            self._said += os.read(self._master, 4096)
        said, _, self._said = self._said.partition(text.encode())
        return said.decode()

    def changes_to(self, mode: list[int]) -> None:
        """Wait until the terminal is in this mode."""
        end = time.monotonic() + DEADLINE_S
        while self.mode != mode:
            assert time.monotonic() < end, "the terminal stays as it is"
            select.select([], [], [], 0.01)
