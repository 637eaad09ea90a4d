"""No secret outside the files made for it: look through everything a test run left behind.

`python tools/check_secrets.py [FOLDER …]`; without a folder, the newest base folder of pytest. Logs, spools, databases
and state folders of all hosts, bridges and phones that the tests started are in there. Exit 0: nothing was found; 1:
something was; 2: there was nothing to look through, which proves nothing.

Two kinds of search: the very tokens that stand in the files made for them, as bytes anywhere else; and whatever looks
like one of ours, for those that only ever lived in memory (page tokens, link codes, control tokens, headers).
"""

import argparse
import getpass
import mmap
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Finding", "findings", "look", "main"]

# Where a secret may stand, and nowhere else.
KEEPERS: Final = ("admin.token", "*.token", "*.lock", "adbkey")
# What others made: environments and packages full of checksums.
STRANGERS: Final = frozenset({"site-packages", "node_modules", ".git", "__pycache__"})
SMALLEST_PROOF: Final = 1
"""So many admin tokens must have been found: a run that made none has tested nothing of this."""

_TOKEN: Final = re.compile(rb"(?<![\w+/-])[A-Za-z0-9_-]{43}(?![\w+/=-])")
_LOOKS: Final = {
    "an API key": re.compile(rb"brk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}"),
    "a bearer token": re.compile(rb"(?i:bearer)[ .:]+[A-Za-z0-9_~+/-]{16,}"),
    "a link code": re.compile(rb"#c=[A-Za-z0-9_-]{16,}"),
    "a token in JSON": re.compile(rb'"(?:token|control_token|code|authorization)"\s*:\s*"[A-Za-z0-9_-]{20,}"'),
    "what looks like a token": _TOKEN,
}


class Finding(NamedTuple):
    """Where something stands that should not; never what it is."""

    path: Path
    offset: int
    what: str


def main() -> int:
    """Look, tell, and give the exit code."""
    parser = argparse.ArgumentParser(description="Look for secrets in what a test run left behind.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    folders = parser.parse_args().folders or [_newest()]
    tokens = {token for folder in folders for token in known(folder)}
    if len(tokens) < SMALLEST_PROOF:
        print(f"no admin token in {', '.join(map(str, folders))}: nothing was tested there", file=sys.stderr)
        return 2
    found = [finding for folder in folders for finding in findings(folder, tokens)]
    for path, offset, what in found:
        print(f"{path} at {offset}: {what}")
    print(f"secrets: {len(tokens)} known ones looked for, {len(found)} found where none belongs", file=sys.stderr)
    return 1 if found else 0


def known(folder: Path) -> set[bytes]:
    """The tokens in the files made for them."""
    return {token for path in _files(folder) if _keeps(path) for token in _TOKEN.findall(_read(path))}


def findings(folder: Path, tokens: set[bytes]) -> Iterator[Finding]:
    """Whatever stands in this folder and should not."""
    for path in _files(folder):
        if not _keeps(path) and path.stat().st_size:
            yield from look(path, tokens)


def look(path: Path, tokens: set[bytes]) -> list[Finding]:
    """Look through one file; each place is told once, by its best name."""
    found: dict[int, Finding] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start, end in _written(file.fileno(), len(data)):
            for token in tokens:
                place = data.find(token, start, end)
                if place >= 0:
                    found[place] = Finding(path, place, "a token that was given out")
            for what, pattern in _LOOKS.items():
                for match in pattern.finditer(data, start, end):
                    if pattern is not _TOKEN or _is_mixed(match[0]):
                        found.setdefault(match.start(), Finding(path, match.start(), what))
    return [found[place] for place in sorted(found)]


def _written(file: int, size: int) -> Iterator[tuple[int, int]]:
    """The parts of a file that were ever written: a test's terabyte may be all hole."""
    end = 0
    with suppress(OSError):  # nothing but hole is left
        while end < size:
            start = os.lseek(file, end, os.SEEK_DATA)
            end = os.lseek(file, start, os.SEEK_HOLE)
            yield start, end


def _is_mixed(text: bytes) -> bool:
    """Whether capitals, small letters and digits are mixed as chance does it, and not as a person or a hash does."""
    return all(len(re.findall(kind, text)) > 1 for kind in (rb"[A-Z]", rb"[a-z]", rb"[0-9]"))


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in STRANGERS]
        for name in names:
            path = Path(where) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _keeps(path: Path) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in KEEPERS)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _newest() -> Path:
    return Path(tempfile.gettempdir()) / f"pytest-of-{getpass.getuser()}" / "pytest-current"


if __name__ == "__main__":
    sys.exit(main())
