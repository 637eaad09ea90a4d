"""One holder a phone, freed by any kind of end."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bridge.errors import DeviceUnusable, HostUnavailable
from bridge.supervise.lease import Lease, holder, holders


def test_a_held_phone_names_its_owner_and_purpose(tmp_path: Path) -> None:
    with Lease(tmp_path, "R58M", "connect"), pytest.raises(DeviceUnusable) as caught, Lease(tmp_path, "R58M", "run"):
        pass

    assert caught.value.exit_code == 4
    assert f"process {os.getpid()}" in caught.value.message
    assert "bridge disconnect R58M" in caught.value.hint


def test_a_command_that_is_offered_does_nothing_else_when_it_is_copied(tmp_path: Path) -> None:
    serial = "$(id);`id`"
    with Lease(tmp_path, serial, "connect"), pytest.raises(DeviceUnusable) as caught, Lease(tmp_path, serial, "run"):
        pass

    assert "bridge disconnect '$(id);`id`'" in caught.value.hint


def test_two_phones_are_held_side_by_side(tmp_path: Path) -> None:
    with Lease(tmp_path, "a", "connect"), Lease(tmp_path, "b", "run"):
        assert {info.serial for info in holders(tmp_path)} == {"a", "b"}


def test_nobody_holds_a_phone_after_its_owner_left(tmp_path: Path) -> None:
    with Lease(tmp_path, "a", "connect"):
        pass

    assert holder(tmp_path, "a") is None
    assert holders(tmp_path) == []


def test_other_commands_learn_where_the_front_is(tmp_path: Path) -> None:
    with Lease(tmp_path, "a", "connect") as lease:
        lease.announce("http://127.0.0.1:1", "secret")
        info = holder(tmp_path, "a")

    assert info is not None
    assert (info.front_url, info.control_token) == ("http://127.0.0.1:1", "secret")


@pytest.mark.parametrize(
    "serial", ["../../etc/passwd", "10.0.0.2:5555", "adb-x._adb-tls-connect._tcp", "电话", "a/b" * 200]
)
def test_any_serial_has_a_lock_inside_the_folder(tmp_path: Path, serial: str) -> None:
    with Lease(tmp_path, serial, "connect"):
        (path,) = (tmp_path / "leases").iterdir()

    assert path.parent == tmp_path / "leases"
    assert path.stat().st_mode & 0o077 == 0


def test_serials_that_look_alike_do_not_share_a_lock(tmp_path: Path) -> None:
    with Lease(tmp_path, "a:1", "connect"), Lease(tmp_path, "a_1", "connect"):
        pass


def test_a_killed_owner_frees_the_phone(tmp_path: Path) -> None:
    script = (
        "import sys, signal, pathlib\n"
        "from bridge.supervise.lease import Lease\n"
        "with Lease(pathlib.Path(sys.argv[1]), 'R58M', 'connect'):\n"
        "    print('held', flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        held = holder(tmp_path, "R58M")
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait(10)

    assert held is not None
    assert held.pid == owner.pid
    with suppress(HostUnavailable), Lease(tmp_path, "R58M", "connect") as lease:
        assert lease.taken_over
        raise HostUnavailable("the one who could not go on leaves it to the next")
    assert holder(tmp_path, "R58M") is None
    with Lease(tmp_path, "R58M", "connect") as lease:
        assert lease.taken_over
    with Lease(tmp_path, "R58M", "connect") as lease:
        assert not lease.taken_over


@pytest.mark.parametrize("end", [KeyboardInterrupt, HostUnavailable])
def test_an_end_without_a_crash_before_it_leaves_nothing_to_go_on_with(
    tmp_path: Path, end: type[BaseException]
) -> None:
    with pytest.raises(end), Lease(tmp_path, "R58M", "connect"):
        raise end("told to, or the host was not there")

    with Lease(tmp_path, "R58M", "connect") as lease:
        assert not lease.taken_over


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        "[" * 4000,
        '{"serial": "a", "pid": 1, "purpose": "connect"}',
        '{"serial": "a", "pid": 0, "purpose": "connect"}',
        '{"serial": "a", "pid": -1, "purpose": "connect"}',
        '{"serial": "a", "pid": true, "purpose": "connect"}',
        '{"serial": "a", "pid": "1234", "purpose": "connect"}',
        '{"serial": ["a"], "pid": 1234, "purpose": "connect"}',
        '{"serial": "a", "pid": 1234, "purpose": "connect", "front_url": 1}',
    ],
)
def test_a_record_that_makes_no_sense_names_nobody(tmp_path: Path, record: str) -> None:
    with Lease(tmp_path, "a", "connect"):
        next((tmp_path / "leases").iterdir()).write_text(record)

        assert holder(tmp_path, "a") is None
