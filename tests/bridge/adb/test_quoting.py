import os
import shutil
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.adb.quoting import MAX_COMMAND, command_line
from bridge.errors import UsageError

SHELL = shutil.which("mksh") or "/bin/sh"  # mksh is the phone's own

# Any bytes but NUL, as a str: what a hostile file name may hold.
ARGUMENTS = st.lists(
    st.binary(max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"\n"))), min_size=1, max_size=5
)


@settings(max_examples=100, deadline=None)
@given(ARGUMENTS)
@example(
    [
        "a b",
        "$(id)",
        "`id`",
        ";reboot",
        "-rf",
        "\n",
        "'",
        '"',
        "\\",
        "\u202e",
        "..",
        "",
        "A=b",
        "~",
        "if",
        "*",
    ]
)
@example([os.fsdecode(b"\xff\xfe'\xc3"), "'\\''", "''", "a\nb\n\n", "中文 🙂"])
def test_a_real_shell_gets_exactly_the_arguments(arguments: list[str]) -> None:
    line = command_line(["printf", "%s\\0", *arguments])
    printed = subprocess.run([SHELL], input=line, capture_output=True, check=True).stdout
    assert printed == b"".join(os.fsencode(argument) + b"\0" for argument in arguments)


@pytest.mark.parametrize("word", ["A=b", "if", "r", "local", "~", "!"])
def test_a_first_word_is_a_program_never_syntax(word: str) -> None:
    done = subprocess.run([SHELL], input=command_line([word]), capture_output=True, check=False)
    assert done.returncode in {1, 127}  # not found; mksh has `local` as a builtin that objects
    assert b"syntax error" not in done.stderr


@pytest.mark.parametrize("argv", [[], "ls", ["a\0b"], ["\ud800"], ["x" * (MAX_COMMAND + 1)]])
def test_what_no_command_line_can_say_is_refused(argv: list[str]) -> None:
    with pytest.raises(UsageError):
        command_line(argv)
