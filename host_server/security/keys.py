"""API keys: `brk_<prefix>_<secret>`, kept as the sha256 of the whole in `keys.json`.

A key holds 256 random bits, so a plain digest is enough: there is nothing to guess. The prefix is public; it finds the
row and stands in logs. A running host notices a changed file by itself, so a revoked key ends at once.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from host_server.wire.discovery import UnsafeFileError, write_private_file

__all__ = ["KEYS_FILE", "ApiKey", "KeyFile", "KeyNameError"]

KEYS_FILE = "keys.json"

_KEY = re.compile(r"brk_(?P<prefix>[0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)


class KeyNameError(ValueError):
    """The name of a key is taken, unknown or not allowed."""


class ApiKey(BaseModel):
    """One key as it is kept; the key itself is shown once, when it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    prefix: str = Field(pattern=r"^[0-9a-f]{8}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created_at: int


_KEYS = TypeAdapter(tuple[ApiKey, ...])
_Stamp = tuple[int, int, int]


class KeyFile:
    """The keys in one state folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / KEYS_FILE
        self._stamp: _Stamp | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def list(self) -> tuple[ApiKey, ...]:
        """All keys. Raises `UnsafeFileError` when the file is damaged or not ours alone."""
        try:
            info = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._keys = None, ()
            return ()
        stamp = (info.st_ino, info.st_mtime_ns, info.st_size)
        if stamp != self._stamp:
            if info.st_uid != os.getuid() or info.st_mode & 0o077:
                raise UnsafeFileError(f"{self._path} must be a file of yours that nobody else can read (chmod 600)")
            try:
                self._keys = _KEYS.validate_json(self._path.read_bytes())
            except ValidationError:
                raise UnsafeFileError(f"{self._path} is damaged") from None
            self._stamp = stamp
        return self._keys

    def find(self, token: str) -> ApiKey | None:
        """The row of this key, if it is one of ours."""
        match = _KEY.fullmatch(token)
        if match is None:
            return None
        digest = _digest(token)
        for key in self.list():
            if key.prefix == match["prefix"] and hmac.compare_digest(key.sha256, digest):
                return key
        return None

    def new(self, name: str) -> str:
        """Make a key and return it; it cannot be read again. Raises `KeyNameError`."""
        if not _NAME.fullmatch(name):
            raise KeyNameError("a name has 1 to 32 letters, digits, dots, dashes or underscores")
        prefix = secrets.token_hex(4)
        token = f"brk_{prefix}_{secrets.token_urlsafe(32)}"
        with self._locked():
            keys = self.list()
            if any(key.name == name for key in keys):
                raise KeyNameError(f"there is a key named {name} already")
            row = ApiKey(name=name, prefix=prefix, sha256=_digest(token), created_at=int(time.time()))
            self._write((*keys, row))
        return token

    def revoke(self, name: str) -> None:
        """Take a key back, by its name or its prefix. Raises `KeyNameError`."""
        with self._locked():
            keys = self.list()
            kept = tuple(key for key in keys if name not in {key.name, key.prefix, f"brk_{key.prefix}"})
            if len(kept) == len(keys):
                raise KeyNameError(f"there is no key named {name}")
            self._write(kept)

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        write_private_file(self._path, json.dumps([key.model_dump() for key in keys], indent=1) + "\n")

    @contextmanager
    def _locked(self) -> Generator[None]:
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
