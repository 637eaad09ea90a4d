"""The first tenth of a second of a command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = "import sys, time\nsys.stdout.write('reading\\n')\nsys.stdout.flush()\ntime.sleep(60)\n"


@pytest.mark.parametrize("words", [["bridge", "status"], ["host_server"]])
def test_ctrl_c_while_modules_are_read_is_no_traceback(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "typer.py").write_text(SLOW)
    root = Path(__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(root)])}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (-signal.SIGINT, b"")
