"""Keys in a real terminal: each is heard at once, and whatever ends the command, the terminal is as it was."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.terminal import DEADLINE_S, Terminal

COMMAND = """
import asyncio
from bridge.cli.keys import listening_keys
from bridge.supervise.signals import until_told

async def main():
    def fail():
        raise RuntimeError("boom")
    def say():
        print("heard c", flush=True)
    with listening_keys({"c": say, "x": lambda: broken.set()}) as heard:
        waiting = asyncio.ensure_future(until_told())
        await asyncio.sleep(0)
        print("ready", heard, flush=True)
        breaking = asyncio.ensure_future(broken.wait())
        await asyncio.wait([waiting, breaking], return_when=asyncio.FIRST_COMPLETED)
        if broken.is_set():
            fail()

broken = asyncio.Event()
asyncio.run(main())
"""


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """One with the command in its foreground, listening."""
    made = Terminal.start([sys.executable, "-c", COMMAND])
    try:
        made.said_until("ready True")
        assert made.mode != made.before
        yield made
    finally:
        made.end()


def test_a_key_is_heard_without_return_and_is_not_shown(terminal: Terminal) -> None:
    terminal.press("ac")

    assert terminal.said_until("heard c").strip() == ""


@pytest.mark.parametrize(
    ("end", "code"),
    [("\x03", 0), (signal.SIGTERM, 0), ("x", 1), ("\x1c", -signal.SIGQUIT), (signal.SIGHUP, 0)],
    ids=["ctrl-c", "sigterm", "error", "ctrl-backslash", "sighup"],
)
def test_the_terminal_is_as_it_was_whatever_ends_the_command(
    terminal: Terminal, end: str | signal.Signals, code: int
) -> None:
    if isinstance(end, str):
        terminal.press(end)
    else:
        terminal.process.send_signal(end)

    assert terminal.process.wait(DEADLINE_S) == code
    assert terminal.mode == terminal.before


def test_ctrl_z_gives_the_terminal_back_and_going_on_takes_it_again(terminal: Terminal) -> None:
    ours = terminal.mode
    terminal.press("\x1a")
    terminal.changes_to(terminal.before)
    terminal.process.send_signal(signal.SIGCONT)
    terminal.changes_to(ours)
    terminal.press("c")

    terminal.said_until("heard c")


def test_without_a_terminal_nothing_is_touched() -> None:
    script = COMMAND.split("        breaking =", maxsplit=1)[0] + "        waiting.cancel()\nasyncio.run(main())\n"
    done = subprocess.run([sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, check=True)

    assert done.stdout == b"ready False\n"
