"""The script that tells of new files, run by every shell there is, on a real folder with a real inotifyd."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.captures.alarm import parse_line
from bridge.captures.signals import Alarm
from device_scripts import script
from tests.support.shells import PATIENCE, shell_command, stubs

needs_inotifyd = pytest.mark.skipif(not shutil.which("toybox"), reason="no toybox here, so no inotifyd")
FOLDER = b"/camera"


class Watch:
    """One run of watch_captures.sh, started as adbd starts it: by a shell, in a session of its own."""

    def __init__(self, shell: str, storage: Path, arguments: list[str], path: str) -> None:
        self.script = storage / "watch_captures.sh"
        self.script.write_bytes(script("watch_captures.sh"))
        self.script.chmod(0o755)
        self.process = subprocess.Popen(
            [*shell_command(shell), str(self.script), *arguments],
            env={"EXTERNAL_STORAGE": str(storage), "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._lines: Queue[bytes] = Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def next(self, patience: float = PATIENCE) -> dict[str, Any]:
        line = self._lines.get(timeout=patience)
        said: dict[str, Any] = json.loads(line)
        assert parse_line(line, [FOLDER] * 3) is not None, line
        return said

    def until(self, event: dict[str, Any]) -> None:
        while self.next() != event:
            pass

    def end(self) -> int:
        assert self.process.stdout is not None
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        return code

    def left_over(self) -> list[int]:
        """The processes of its session."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.getsid(int(entry.name)) == self.process.pid and "State:\tZ" not in (entry / "status").read_text():
                    found.append(int(entry.name))
        return found

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    folder = tmp_path / "DCIM/My Camera"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def watch(shell: str, tmp_path: Path, camera: Path) -> Iterator[Watch]:
    running = Watch(shell, tmp_path, ["dir=DCIM/My Camera"], os.environ["PATH"])
    assert running.next() == {"event": "ready", "watched": 1}
    settle(running, camera)
    yield running
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.process.pid, signal.SIGKILL)
    running.end()


def settle(watch: Watch, camera: Path) -> None:
    """Wait until inotifyd really watches: it starts after `ready` is said."""
    for number in range(200):
        (camera / f"sync {number}.txt").touch()
        with contextlib.suppress(Empty):
            watch.next(0.05)
            break
    (camera / "settled.txt").touch()
    for _ in range(2):  # made, and closed after writing
        watch.until(written("settled.txt"))


def written(name: str) -> dict[str, Any]:
    return {"event": "file", "how": "written", "dir": 0, "name": name}


def moved(name: str) -> dict[str, Any]:
    return {"event": "file", "how": "moved", "dir": 0, "name": name}


# ------------------------------------------------------------------------------------------------ what it says
@needs_inotifyd
def test_a_rename_to_the_final_name_is_told_and_what_is_hidden_is_not(watch: Watch, camera: Path) -> None:
    (camera / ".pending-1-a.jpg").write_bytes(b"half")
    (camera / ".pending-1-a.jpg").rename(camera / "a (1)~2.jpg")
    assert watch.next() == moved("a (1)~2.jpg")


@needs_inotifyd
def test_a_file_written_in_place_is_told_when_it_is_made_and_when_it_is_closed(watch: Watch, camera: Path) -> None:
    (camera / "-n.jpg").write_bytes(b"data")
    assert [watch.next(), watch.next()] == [written("-n.jpg")] * 2


@needs_inotifyd
@pytest.mark.parametrize(
    "name", ["a\nb.jpg", 'a"b.jpg', "a\\b.jpg", "$(id).jpg", "照片.jpg", "a;b.jpg", "[.jpg", "{.jpg", "\udcff.jpg"]
)
def test_a_name_that_could_break_a_line_is_not_told_but_its_folder_is(watch: Watch, camera: Path, name: str) -> None:
    (camera / ".begun").touch()
    (camera / ".begun").rename(camera / name)
    assert watch.next() == {"event": "rescan", "dir": 0}


@needs_inotifyd
def test_a_file_moved_away_is_nothing(watch: Watch, camera: Path) -> None:
    (camera / "settled.txt").rename(camera.parent / "gone.txt")
    (camera / "next.txt").touch()
    assert watch.next() == written("next.txt")


def test_the_first_letter_of_the_mask_is_written_twice_for_old_versions(
    tmp_path: Path, shell: str, camera: Path
) -> None:
    tools = stubs(tmp_path, inotifyd='echo "$2" >"$EXTERNAL_STORAGE/told"; exec sleep 100')
    watch = Watch(shell, tmp_path, ["dir=DCIM/My Camera"], f"{tools}:{os.environ['PATH']}")
    assert watch.next() == {"event": "ready", "watched": 1}
    eventually(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text() == f"{camera}:wwmynox\n")
    watch.process.send_signal(signal.SIGTERM)
    assert watch.end() == 0


@pytest.mark.parametrize("letter", ["m", "y"])
def test_whichever_letter_means_moved_in_a_file_that_is_there_has_arrived(
    shell: str, camera: Path, letter: str
) -> None:
    (camera / "a.jpg").touch()
    assert handled(shell, camera, letter, b"a.jpg") == [moved("a.jpg")]
    assert handled(shell, camera, letter, b"gone.jpg") == []


@pytest.mark.parametrize("letter", ["o", "x"])
def test_lost_events_and_a_lost_folder_ask_for_a_listing(shell: str, camera: Path, letter: str) -> None:
    assert handled(shell, camera, letter, b"") == [{"event": "rescan", "dir": 0}]


@given(
    name=st.binary(min_size=1, max_size=60).filter(lambda name: not set(name) & {0, 0x2F}),
    letter=st.sampled_from("wmyn"),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_name_the_line_is_one_the_bridge_understands(
    shell: str, camera: Path, name: bytes, letter: str
) -> None:
    for said in handled(shell, camera, letter, name):
        heard = parse_line(json.dumps(said).encode(), [FOLDER])
        assert heard in {FOLDER, Alarm(FOLDER + b"/" + name, moved=letter in "my")}


def handled(shell: str, camera: Path, letters: str, name: bytes) -> list[dict[str, Any]]:
    """What it says about one event, when inotifyd starts it."""
    done = subprocess.run(
        [*shell_command(shell), "/dev/stdin", letters, str(camera), name],
        input=script("watch_captures.sh"),
        env={"LENSBRIDGE_FOLDERS": f"{camera}\n{camera}2\n"},
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


# ------------------------------------------------------------------------------------------------ how it ends
@needs_inotifyd
@pytest.mark.parametrize("sign", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it_and_all_that_it_started(watch: Watch, sign: signal.Signals) -> None:
    watch.process.send_signal(sign)
    watch.until({"event": "end", "why": "stopped"})
    assert watch.end() == 0
    nothing_left(watch)


@needs_inotifyd
def test_a_hang_up_at_the_very_start_leaves_nothing_either(shell: str, tmp_path: Path, camera: Path) -> None:
    for _ in range(8):
        watch = Watch(shell, tmp_path, ["dir=DCIM/My Camera"], os.environ["PATH"])
        watch.until({"event": "ready", "watched": 1})
        watch.process.send_signal(signal.SIGHUP)
        watch.end()
        nothing_left(watch)


@needs_inotifyd
def test_when_nobody_reads_it_any_more_the_next_event_ends_it(shell: str, tmp_path: Path, camera: Path) -> None:
    read, write = os.pipe()
    file = tmp_path / "watch_captures.sh"
    file.write_bytes(script("watch_captures.sh"))
    file.chmod(0o755)
    process = subprocess.Popen(
        [*shell_command(shell), str(file), f"dir={camera}"],
        stdout=write,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(write)
    assert os.read(read, 1000)
    os.close(read)
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None:
        assert time.monotonic() < deadline
        (camera / "a.txt").write_bytes(b"an event")
        time.sleep(0.01)


@needs_inotifyd
def test_a_folder_that_is_removed_ends_it(watch: Watch, camera: Path) -> None:
    shutil.rmtree(camera)
    watch.until({"event": "rescan", "dir": 0})
    watch.until({"event": "end", "why": "stopped"})
    assert watch.end() == 0


@needs_inotifyd
def test_folders_are_counted_as_given_and_missing_ones_are_told(shell: str, tmp_path: Path, camera: Path) -> None:
    other = tmp_path / "card/Pictures"
    other.mkdir(parents=True)
    watch = Watch(shell, tmp_path, ["dir=nothing here", "dir=DCIM/My Camera", f"dir={other}"], os.environ["PATH"])
    assert watch.next() == {"event": "missing", "dir": 0}
    assert watch.next() == {"event": "ready", "watched": 2}
    deadline = time.monotonic() + PATIENCE
    while watch._lines.empty() and time.monotonic() < deadline:
        (other / "a.txt").write_bytes(b"written again")
        time.sleep(0.01)
    assert watch.next() == written("a.txt") | {"dir": 2}
    watch.process.send_signal(signal.SIGHUP)
    watch.end()


def test_with_no_folder_at_all_it_says_so(shell: str, tmp_path: Path) -> None:
    watch = Watch(shell, tmp_path, ["dir=nothing here"], os.environ["PATH"])
    assert watch.next() == {"event": "missing", "dir": 0}
    assert watch.next() == {"event": "end", "why": "no_folder"}
    assert watch.end() == 0


def test_without_inotifyd_it_says_so(tmp_path: Path, camera: Path) -> None:
    watch = Watch(str(shutil.which("dash")), tmp_path, ["dir=DCIM/My Camera"], str(tmp_path))
    assert watch.next() == {"event": "end", "why": "no_inotifyd"}
    assert watch.end() == 0


def nothing_left(watch: Watch) -> None:
    eventually(lambda: not watch.left_over())


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)
