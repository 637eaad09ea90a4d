"""Single keys in the terminal of a command that goes on: heard as they are pressed, and the terminal left as it was.

Whatever ends the command, the terminal gets its lines and its echo back: an error, Ctrl-C, `kill`, SIGQUIT; Ctrl-Z
gives them back while it lasts. Only a kill -9 cannot be answered; shells do that themselves. A command in the
background touches nothing.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

__all__ = ["listening_keys"]

_AT_ONCE = 64  # bytes read in one go; more keys than that are nobody's


@contextmanager
def listening_keys(on_key: Mapping[str, Callable[[], None]]) -> Generator[bool]:
    """Call what belongs to each key that is pressed. Gives whether there is a terminal to press one in."""
    fd = _terminal()
    if fd is None:
        yield False
        return
    keyboard = _Keyboard(fd, on_key)
    loop = asyncio.get_running_loop()
    handlers = {
        signal.SIGTSTP: keyboard.stop,
        signal.SIGCONT: keyboard.take,
        signal.SIGQUIT: keyboard.quit,
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    keyboard.take()
    try:
        yield True
    finally:
        keyboard.give_back()
        for number in handlers:
            loop.remove_signal_handler(number)


def _terminal() -> int | None:
    try:
        fd = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or not a file at all
        return None
    return fd if os.isatty(fd) else None


class _Keyboard:
    """The terminal's mode: ours between `take` and `give_back`, as long as this process is in the foreground."""

    def __init__(self, fd: int, on_key: Mapping[str, Callable[[], None]]) -> None:
        self._fd = fd
        self._on_key = on_key
        self._before: list[Any] | None = None

    def take(self) -> None:
        """Have each key at once and unseen; Ctrl-C stays Ctrl-C. In the background this waits for SIGCONT."""
        import termios
        import tty

        if self._before is None and self._in_front():
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)
            asyncio.get_running_loop().add_reader(self._fd, self._read)

    def give_back(self) -> None:
        """As it was. The shell has done it already if it took the terminal from us."""
        import termios

        if self._before is None:
            return
        asyncio.get_running_loop().remove_reader(self._fd)
        before, self._before = self._before, None
        if self._in_front():
            termios.tcsetattr(self._fd, termios.TCSADRAIN, before)

    def stop(self) -> None:
        """Ctrl-Z, with the terminal given back first."""
        self.give_back()
        os.kill(os.getpid(), signal.SIGSTOP)

    def quit(self) -> None:
        """SIGQUIT ends the process as it always does."""
        self.give_back()
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGQUIT)

    def _read(self) -> None:
        try:
            pressed = os.read(self._fd, _AT_ONCE)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal is closed
            self.give_back()
        for key in pressed.decode("ascii", "replace"):
            if key in self._on_key:
                self._on_key[key]()

    def _in_front(self) -> bool:
        """Whether the terminal listens to this process: to change it from the background would stop us."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False
