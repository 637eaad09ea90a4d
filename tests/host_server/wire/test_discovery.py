"""How a host is found: small files that are ours alone, or not used."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_server.wire.discovery import (
    HOST_RECORD_FILE,
    HostRecord,
    UnsafeFileError,
    private_folder,
    read_host_record,
    read_token_file,
    remove_host_record,
    state_dir,
    write_host_record,
    write_private_file,
)

RECORD = HostRecord("http://127.0.0.1:8018", 4711, 1790000000.5, "0.1", ("echo", "ocr"))


def test_the_state_folder_is_the_one_named_or_the_users() -> None:
    assert state_dir({"BRIDGE_STATE_DIR": "/s", "XDG_STATE_HOME": "/x"}) == Path("/s")
    assert state_dir({"BRIDGE_STATE_DIR": "", "XDG_STATE_HOME": "/x"}) == Path("/x/lensbridge")
    assert state_dir({}) == Path.home() / ".local" / "state" / "lensbridge"


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_host_record(tmp_path, RECORD)

    assert read_host_record(tmp_path) == RECORD
    assert (tmp_path / HOST_RECORD_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [HOST_RECORD_FILE]


def test_no_record_is_none(tmp_path: Path) -> None:
    assert read_host_record(tmp_path) is None
    assert read_host_record(tmp_path / "nowhere") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80))
def test_a_damaged_record_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / HOST_RECORD_FILE).write_bytes(content)

    assert read_host_record(tmp_path) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url", 7),
        ("pid", "1"),
        ("pid", 0),
        ("pid", True),
        ("start_time", "x"),
        ("engines", 7),
        ("engines", [7]),
        ("version", None),
    ],
)
def test_a_record_with_a_wrong_field_is_none(tmp_path: Path, key: str, value: Any) -> None:
    fields = {"url": "http://x", "pid": 1, "start_time": 1.0, "version": "0", "engines": ["echo"]}
    (tmp_path / HOST_RECORD_FILE).write_text(json.dumps({**fields, key: value}), encoding="utf-8")

    assert read_host_record(tmp_path) is None


def test_only_ones_own_record_is_removed(tmp_path: Path) -> None:
    write_host_record(tmp_path, RECORD)
    remove_host_record(tmp_path, pid=RECORD.pid + 1)
    assert read_host_record(tmp_path) == RECORD

    remove_host_record(tmp_path, pid=RECORD.pid)
    remove_host_record(tmp_path, pid=RECORD.pid)
    assert read_host_record(tmp_path) is None


def test_a_private_file_replaces_the_old_one_and_a_draft_left_by_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old", encoding="utf-8")
    (tmp_path / f".secret.{os.getpid()}").write_text("draft", encoding="utf-8")

    write_private_file(path, "new")

    assert path.read_text(encoding="utf-8") == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_written_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(OSError, match="folder"):
        write_private_file(tmp_path / "folder", "new")

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_token_is_read_from_a_file_that_is_ours_alone(tmp_path: Path) -> None:
    write_private_file(tmp_path / "token", "abc-123\n")

    assert read_token_file(tmp_path / "token") == "abc-123"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_token_that_others_could_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    write_private_file(path, "abc\n")
    path.chmod(mode)

    with pytest.raises(UnsafeFileError, match="chmod 600"):
        read_token_file(path)


@pytest.mark.parametrize("content", ["", "\n", "two words\n", "a\x00b", "tö"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    write_private_file(tmp_path / "token", content)

    with pytest.raises(UnsafeFileError, match="holds no token"):
        read_token_file(tmp_path / "token")


def test_a_link_or_a_pipe_is_no_token_file(tmp_path: Path) -> None:
    write_private_file(tmp_path / "token", "abc\n")
    (tmp_path / "link").symlink_to(tmp_path / "token")
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(OSError, match="symbolic link"):
        read_token_file(tmp_path / "link")
    with pytest.raises(UnsafeFileError):
        read_token_file(tmp_path / "pipe")


def test_a_missing_token_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_token_file(tmp_path / "none")


def test_a_new_state_folder_is_ours_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "state")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert private_folder(folder) == folder


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(UnsafeFileError):
        private_folder(folder)


def test_the_wire_loads_nothing_heavy() -> None:
    heavy = ["asyncio", "fastapi", "starlette", "uvicorn", "structlog", "PIL", "typer", "httpx", "websockets", "numpy"]
    code = (
        "import sys, host_server, host_server.wire.log, host_server.wire.request, host_server.wire.discovery\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
