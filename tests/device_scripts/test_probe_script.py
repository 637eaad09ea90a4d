"""The script that tells what a phone has, and what holds for all scripts."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from device_scripts import app_folder, script
from tests.support.shells import PATIENCE, shell_command, stubs


def test_the_probe_tells_what_the_phone_has(shell: str, tmp_path: Path) -> None:
    getprop = r"""case $1 in
      ro.build.version.sdk) echo 34 ;; ro.build.version.release) echo 14 ;;
      ro.product.model) echo 'Pixel 8 "Pro" | $(id)' ;;
      ro.product.manufacturer) echo Google ;; sys.boot_completed) echo 1 ;; esac"""
    told = probed(shell, tmp_path, stubs(tmp_path, getprop=getprop, inotifyd="exit 0"))
    assert (told["sdk"], told["release"], told["manufacturer"]) == (34, "14", "Google")
    assert told["model"] == "Pixel 8 _Pro_ _ _(id)"
    assert told["boot_completed"] is True
    assert told["inotifyd"] is True
    assert told["storage_free_kb"] > 0


def test_the_probe_says_what_it_cannot_find(shell: str, tmp_path: Path) -> None:
    told = probed(shell, tmp_path, stubs(tmp_path, getprop="exit 1", df="echo nothing", toybox="exit 1"), more="")
    assert told == {
        "sdk": None,
        "release": "",
        "manufacturer": "",
        "model": "",
        "boot_completed": False,
        "inotifyd": False,
        "toybox": "",
        "storage_free_kb": None,
    }


def probed(shell: str, storage: Path, tools: Path, *, more: str = os.environ["PATH"]) -> dict[str, Any]:
    command = shell_command(shell)
    done = subprocess.run(
        [str(shutil.which(command[0])), *command[1:], "/dev/stdin"],
        input=script("probe.sh"),
        env={"EXTERNAL_STORAGE": str(storage), "PATH": f"{tools}:{more}"},
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.count(b"\n") == 1
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_scripts_use_only_what_every_phone_has() -> None:
    for name in ("watch_captures.sh", "probe.sh"):
        text = script(name).decode("ascii")
        assert not text.startswith("#!"), "inotifyd starts it through libc, which finds the right shell"
        for word in ("awk", "tr", "printf", "expr", "sed", "local", "[[", "$'"):
            assert f" {word} " not in text, word


def test_the_page_lies_in_a_folder() -> None:
    assert app_folder().is_dir()
