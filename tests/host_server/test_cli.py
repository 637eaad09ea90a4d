"""`bridge-host`: what may be started and what is explained instead; keys."""

import logging
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from host_server.cli.app import app
from host_server.wire.discovery import ADMIN_TOKEN_FILE


def _bridge_host(*arguments: str) -> Result:
    """In this process; what it does to the log is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(app, arguments)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.mark.parametrize("address", ["192.0.2.1", "::", "gpu.lan"])
def test_a_host_does_not_listen_beyond_loopback_unasked(tmp_path: Path, address: str) -> None:
    done = _bridge_host("serve", "--host", address, "--state-dir", str(tmp_path / "s"))

    assert done.exit_code == 2
    assert "without TLS" in done.stderr
    assert "hint: add --ssl-certfile" in done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--engine", "nonsense"], 2, "no engine 'nonsense'"),
        (["--engine", "echo", "--engine", "echo=5"], 2, "named twice"),
        (["--ssl-certfile", "x.pem"], 2, "needs its key"),
        (["--port", "99999"], 2, "port"),
        (["--no-such-flag"], 2, "no-such-flag"),
        (["--kv-bytes", "much"], 2, "2GiB"),
        (["--idle-unload", "soon"], 2, "15m"),
        (["--recycle-after", "0"], 2, "is no size"),
        (["--quantize", "int3"], 2, "int3"),
        (["--dtype", "float8"], 2, "float8"),
        (["--attn", "none"], 2, "none"),
        (["--device", "gpu"], 2, "'gpu' is no device"),
        (["--max-side", "5"], 2, "max-side"),
        (["--max-batch", "0"], 2, "max-batch"),
        (["--threads", "0"], 2, "threads"),
        (["--degrade", "maybe"], 2, "maybe"),
        (["--upstream", "http://127.0.0.1:1"], 2, "No engine asks"),
        (["--upstream-key-env", "NO_SUCH_VARIABLE"], 2, "is empty"),
    ],
    ids=str,
)
def test_a_senseless_start_is_explained(tmp_path: Path, arguments: Sequence[str], status: int, words: str) -> None:
    done = _bridge_host("serve", "--state-dir", str(tmp_path), "--port", "0", *arguments)

    assert done.exit_code == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "transformers_vlm=nobody/has-it", "--offline"], "hint: `bridge-host pull nobody/has-it`"),
        (["--engine", "transformers_vlm=nobody/has-it"], "127.0.0.1:9 does not answer"),
        (["--engine", "transformers_vlm=/no/such/folder"], "There is no folder /no/such/folder"),
        (["--engine", "transformers_vlm=/"], "There is no config.json in /."),
    ],
)
def test_a_model_that_cannot_be_had_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], words: str
) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `gpu` is not installed")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    done = _bridge_host("serve", "--state-dir", str(tmp_path / "s"), "--port", "0", *arguments)

    assert done.exit_code == 6
    assert words in done.stderr
    assert not (tmp_path / "s").exists()


def test_a_port_in_use_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = _bridge_host(
            "serve", "--engine", "echo", "--state-dir", str(tmp_path), "--port", str(taken.getsockname()[1])
        )

    assert done.exit_code == 2
    assert "Cannot listen" in done.stderr


def test_a_token_file_that_others_can_read_is_explained(tmp_path: Path) -> None:
    (tmp_path / ADMIN_TOKEN_FILE).write_text("token\n", encoding="utf-8")
    (tmp_path / ADMIN_TOKEN_FILE).chmod(0o644)
    done = _bridge_host("serve", "--engine", "echo", "--state-dir", str(tmp_path), "--port", "0")

    assert done.exit_code == 2
    assert "chmod 600" in done.stderr


def test_a_state_folder_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("", encoding="utf-8")
    done = _bridge_host("serve", "--engine", "echo", "--state-dir", str(tmp_path / "s"), "--port", "0")

    assert done.exit_code == 2
    assert f"error: {tmp_path / 's'}: File exists" in done.stderr
    assert "--state-dir" in done.stderr


def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    state = ["--state-dir", str(tmp_path)]
    made = _bridge_host("token", "new", "ci", *state)
    listed = _bridge_host("token", "list", *state)
    twice = _bridge_host("token", "new", "ci", *state)
    revoked = _bridge_host("token", "revoke", "ci", *state)
    empty = _bridge_host("token", "list", *state)

    token = made.stdout.strip()
    assert token.startswith("brk_")
    assert listed.stdout == f"{token[:12]}\tci\n"
    assert (twice.exit_code, revoked.exit_code, empty.stdout) == (2, 0, "")
    assert "hint:" in twice.stderr
    assert "Traceback" not in twice.stderr


def test_the_command_line_starts_light() -> None:
    heavy = ["fastapi", "uvicorn", "PIL", "structlog", "pydantic", "rapidocr", "httpx", "websockets"]
    code = f"import sys, host_server.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout.strip() == "[]"
