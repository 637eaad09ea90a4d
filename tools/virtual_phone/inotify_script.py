"""inotifyd as it is on phones since 2024, for laptops whose own is older: it takes the first letter of a mask as well.

    inotifyd PROG FILE:MASK [FILE:MASK ...]     PROG is run with EVENTS FILE [NAME]; `-` prints the three instead

Copied to the phone's /system/bin with a first line added. It runs by itself, in the sandbox, without this package.
Linux only, as inotify is.
"""

import ctypes
import os
import struct
import subprocess
import sys

_LETTERS = "acew0rmyndDM uox"  # in the order of the kernel's bits; the space is a bit without a meaning
_DEFAULT = "acew0rmyndDM"
_EVENT = struct.Struct("iIII")
_ROOM = 65_536
_IGNORED = 0x8000


def main(arguments: list[str]) -> int:
    """Tell of what happens until nothing is left to be watched."""
    program, *watches = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    events = libc.inotify_init1(0)
    names: dict[int, str] = {}
    for watch in watches:
        path, _, letters = watch.partition(":")
        mask = sum(1 << _LETTERS.index(letter) for letter in letters or _DEFAULT if letter in _LETTERS.replace(" ", ""))
        number = libc.inotify_add_watch(events, os.fsencode(path), mask)
        if number < 0:
            sys.stderr.write(f"inotifyd: {path}: {os.strerror(ctypes.get_errno())}\n")
            return 1
        names[number] = path
    while names:
        data = os.read(events, _ROOM)
        at = 0
        while at < len(data):
            number, mask, _, size = _EVENT.unpack_from(data, at)
            name = data[at + _EVENT.size : at + _EVENT.size + size].rstrip(b"\0")
            at += _EVENT.size + size
            _tell(program, mask, names.get(number, ""), name)
            if mask & _IGNORED:
                names.pop(number, None)
    return 0


def _tell(program: str, mask: int, path: str, name: bytes) -> None:
    letters = "".join(letter for bit, letter in enumerate(_LETTERS) if letter != " " and mask & 1 << bit)
    if not letters:
        return
    if program == "-":
        sys.stdout.buffer.write(b"\t".join([letters.encode(), os.fsencode(path), *([name] if name else [])]) + b"\n")
        sys.stdout.buffer.flush()
    else:
        command = [program, letters, path, *([os.fsdecode(name)] if name else [])]
        try:
            subprocess.run(command, check=False)
        except OSError:  # no first line that names a shell: Android's libc takes its own
            subprocess.run([os.environ["SHELL"], *command], check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
