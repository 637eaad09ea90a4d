"""Keys in a real terminal: each is heard at once, and whatever ends the command, the terminal is as it was."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

DEADLINE_S = 10.0
LFLAG = 3
COMMAND = """
import asyncio, os, signal, sys
os.login_tty(int(sys.argv[1]))
from bridge.cli.keys import listening_keys
from bridge.supervise.signals import until_told

async def main():
    def fail():
        raise RuntimeError("boom")
    def say():
        print("heard c", flush=True)
    with listening_keys({"c": say, "x": lambda: asyncio.current_task and broken.set()}) as heard:
        print("ready", heard, flush=True)
        waiting = asyncio.ensure_future(until_told())
        breaking = asyncio.ensure_future(broken.wait())
        await asyncio.wait([waiting, breaking], return_when=asyncio.FIRST_COMPLETED)
        if broken.is_set():
            fail()

broken = asyncio.Event()
asyncio.run(main())
"""


@dataclass
class Terminal:
    """A terminal with a command in it; `mode` is what `stty` would show."""

    master: int
    slave: int
    process: subprocess.Popen[bytes]
    said: bytes = b""
    before: list[int] = field(default_factory=list)

    def mode(self) -> list[int]:
        return termios.tcgetattr(self.slave)[:4]

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def hears(self, text: bytes) -> None:
        """Wait until the command has said this."""
        end = time.monotonic() + DEADLINE_S
        while text not in self.said:
            ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} was not said, only {self.said!r}"
            self.said += os.read(self.master, 4096)

    def changes_to(self, mode: list[int]) -> None:
        """Wait until the terminal is in this mode."""
        end = time.monotonic() + DEADLINE_S
        while self.mode() != mode:
            assert time.monotonic() < end, "the terminal stays as it is"
            select.select([], [], [], 0.01)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """One with the command in its foreground, listening."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)[:4]
    command = [sys.executable, "-c", COMMAND, str(slave)]
    with subprocess.Popen(command, pass_fds=[slave]) as process:
        made = Terminal(master, slave, process, before=before)
        try:
            made.hears(b"ready True")
            assert made.mode() != before
            yield made
        finally:
            process.kill()
            process.wait()
            os.close(slave)
            os.close(master)


def test_a_key_is_heard_without_return_and_is_not_shown(terminal: Terminal) -> None:
    terminal.press(b"ac")
    terminal.hears(b"heard c\r\n")

    assert b"ac" not in terminal.said
    assert terminal.said.count(b"heard c") == 1


@pytest.mark.parametrize(
    ("end", "code"),
    [(b"\x03", 0), (signal.SIGTERM, 0), (b"x", 1), (b"\x1c", -signal.SIGQUIT), (signal.SIGHUP, 0)],
    ids=["ctrl-c", "sigterm", "error", "ctrl-backslash", "sighup"],
)
def test_the_terminal_is_as_it_was_whatever_ends_the_command(
    terminal: Terminal, end: bytes | signal.Signals, code: int
) -> None:
    if isinstance(end, bytes):
        terminal.press(end)
    else:
        terminal.process.send_signal(end)

    assert terminal.process.wait(DEADLINE_S) == code
    assert terminal.mode() == terminal.before


def test_ctrl_z_gives_the_terminal_back_and_going_on_takes_it_again(terminal: Terminal) -> None:
    ours = terminal.mode()
    terminal.press(b"\x1a")
    terminal.changes_to(terminal.before)
    terminal.process.send_signal(signal.SIGCONT)
    terminal.changes_to(ours)
    terminal.press(b"c")

    terminal.hears(b"heard c")


def test_without_a_terminal_nothing_is_touched() -> None:
    script = COMMAND.replace("os.login_tty(int(sys.argv[1]))", "").replace(
        "await asyncio.wait(", "await asyncio.sleep("
    )
    script = script.split("        waiting =", maxsplit=1)[0] + "\nbroken = None\nasyncio.run(main())\n"
    done = subprocess.run([sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, check=True)

    assert done.stdout == b"ready False\n"
