"""What we made on which phone, written down, so that a crash leaves no tunnel that nobody knows.

A reverse that is listed here, or leads to a port this file names, is ours to replace; any other entry belongs to
another tool.
"""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bridge.spool import full_disk_told
from host_server.wire.discovery import write_private_file

__all__ = ["TunnelBook"]

FILE, LOCK = "tunnels.json", "tunnels.lock"


class TunnelBook:
    """`tunnels.json` in the state folder: serial to {phone side: laptop side}.

    Another `file` holds tunnels of another kind, by whichever of their sides names them.
    """

    def __init__(self, state_dir: Path, file: str = FILE) -> None:
        self._state_dir = state_dir
        self._file = file

    def note(self, serial: str, remote: str, local: str) -> None:
        """Write down a tunnel before it is made: a crash in between is cleaned up, the other way round it is not."""
        with self._edit() as book:
            book.setdefault(serial, {})[remote] = local

    def forget(self, serial: str, remote: str) -> None:
        """The tunnel is removed."""
        with self._edit() as book:
            book.get(serial, {}).pop(remote, None)
            if not book.get(serial):
                book.pop(serial, None)

    def is_ours(self, serial: str, remote: str, local: str) -> bool:
        """Whether an entry of the phone's reverse list was made by us, now or before a crash."""
        return self._read().get(serial, {}).get(remote) == local

    def entries(self) -> list[tuple[str, str, str]]:
        """All of them: serial, and both sides."""
        book = self._read()
        return [(serial, one, str(other)) for serial, made in book.items() for one, other in made.items()]

    @contextmanager
    def _edit(self) -> Generator[dict[str, dict[str, str]]]:
        fd = os.open(self._state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # held for two small file operations
            book = self._read()
            yield book
            with full_disk_told():
                write_private_file(self._state_dir / self._file, json.dumps(book))
        finally:
            os.close(fd)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            book = json.loads((self._state_dir / self._file).read_bytes())
        except (OSError, ValueError):
            return {}
        return book if isinstance(book, dict) and all(isinstance(entry, dict) for entry in book.values()) else {}
