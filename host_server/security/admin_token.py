"""The admin token: made at the host's first start, read from its file by the same user's commands, never typed."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from host_server.wire.discovery import ADMIN_TOKEN_FILE, read_token_file

__all__ = ["ensure_admin_token"]


def ensure_admin_token(folder: Path) -> str:
    """The token in `folder`, made if there is none. Raises `UnsafeFileError` when others could read it.

    The file appears with its content in one step (a link never replaces), so two hosts that start together agree.
    """
    path = folder / ADMIN_TOKEN_FILE
    if not os.path.lexists(path):
        draft = folder / f".{ADMIN_TOKEN_FILE}.{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
    return read_token_file(path)
