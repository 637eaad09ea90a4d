"""Command lines for the phone's shell that mean exactly the arguments given, whatever bytes they hold.

Everything is quoted, always: an unquoted `A=b`, `if`, `r` or `~` means something to mksh, so there is no list of safe
words. A `str` stands for its UTF-8 bytes; bytes that are no UTF-8 travel as surrogates (`os.fsdecode`).
"""

from collections.abc import Sequence

from bridge.errors import UsageError

__all__ = ["MAX_COMMAND", "command_line", "quote"]

MAX_COMMAND = 3_900  # with our markers around it, it fits the packets of the oldest phones (see `PhoneAddress.open`)


def command_line(argv: Sequence[str]) -> bytes:
    """One line for `sh`: the program and its arguments, each a single word."""
    if isinstance(argv, str) or not argv:
        raise UsageError("a command for the phone is a non-empty list of arguments")
    line = b" ".join(quote(argument) for argument in argv)
    if len(line) > MAX_COMMAND:
        raise UsageError(
            f"the command for the phone has {len(line)} bytes, at most {MAX_COMMAND} fit",
            hint="push it as a file and name the file",
        )
    return line


def quote(argument: str) -> bytes:
    """One word for `sh`. Inside single quotes nothing is special but the quote itself."""
    try:
        raw = argument.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise UsageError("an argument for the phone holds a lone surrogate, which no bytes stand for") from error
    if b"\0" in raw:
        raise UsageError("an argument for the phone cannot hold a NUL byte")
    return b"'" + raw.replace(b"'", b"'\\''") + b"'"
