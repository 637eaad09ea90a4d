"""The search for secrets finds each kind wherever it is planted, and takes nothing else for one."""

import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "check_secrets.py"
TOKEN = "aB3-" + "xY7_" * 9 + "Zq9"
KEY = f"brk_0123abcd_{TOKEN}"
CODE = "Ab1_" * 5 + "Qx"


def search(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, folder], capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """What a run leaves: a state folder with its token where it belongs. Gone afterwards: this run is searched too."""
    state = tmp_path / "left" / "state"
    (state / "leases").mkdir(parents=True)
    (state / "admin.token").write_text(secrets.token_urlsafe(32) + "\n", encoding="ascii")
    (state / "leases" / "phone.lock").write_text(f'{{"control_token": "{TOKEN[::-1]}"}}', encoding="ascii")
    yield tmp_path / "left"
    shutil.rmtree(tmp_path)


def test_a_clean_run_is_clean(folder: Path) -> None:
    innocent = [
        "req_7720a11872a937f09965e9ab2f048248 cap_" + "0123456789abcdef" * 4,
        "a bearer of good news; Bearer [masked]; brk_0123abcd_[masked]; bridge.bearer.[masked]",
        "test_a_name_that_is_just_as_long_as_a_token_",
        "data:image/png;base64,iVBORw0KGgo/" + "Ab1+" * 100,
        '{"token": "[masked]", "code": "engine_restarted"}',
    ]
    (folder / "host.log").write_text("\n".join(innocent), encoding="utf-8")
    (folder / "empty.log").touch()

    done = search(folder)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"made the key {KEY} for you", "an API key"),
        (f"authorization: Bearer {TOKEN}", "a bearer token"),
        (f"subprotocols=['bridge.v1', 'bridge.bearer.{TOKEN}']", "a bearer token"),
        (f"am start -d http://localhost:8017/#c={CODE}", "a link code"),
        (f'{{"token": "{CODE}"}}', "a token in JSON"),
        (f"GET /?t={TOKEN} 200", "what looks like a token"),
    ],
)
def test_what_was_planted_is_found_and_not_told(folder: Path, text: str, what: str) -> None:
    (folder / "host.log").write_text(f"first line\n{text}\n", encoding="utf-8")

    done = search(folder)

    assert done.returncode == 1
    assert what in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert CODE not in done.stdout + done.stderr


def test_a_token_that_was_given_out_is_found_in_a_database(folder: Path) -> None:
    token = (folder / "state" / "admin.token").read_text(encoding="ascii").strip()
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute("CREATE TABLE said (words)")
        database.execute("INSERT INTO said VALUES (?)", (b"\0\1x" + token.encode() + b"y",))
    database.close()

    done = search(folder)

    assert done.returncode == 1
    assert "journal.sqlite" in done.stdout
    assert "given out" in done.stdout


def test_a_run_that_made_no_token_proves_nothing(tmp_path: Path) -> None:
    assert search(tmp_path).returncode == 2


def test_a_folder_of_others_is_not_looked_through(folder: Path) -> None:
    packages = folder / "venv" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "RECORD").write_text(f"x.py,sha256={TOKEN},12", encoding="ascii")

    assert search(folder).returncode == 0


def test_a_file_that_is_nearly_all_hole_is_looked_through_where_it_was_written(folder: Path) -> None:
    with (folder / "huge").open("wb") as file:
        file.seek(1 << 40)
        file.write(f"key {KEY} ".encode())
    (folder / "empty").touch()
    with (folder / "hole").open("wb") as file:
        file.truncate(1 << 40)

    done = search(folder)

    assert done.returncode == 1
    assert f"{folder / 'huge'} at {(1 << 40) + 4}: an API key" in done.stdout
