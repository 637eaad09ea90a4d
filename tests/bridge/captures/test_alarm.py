"""What the phone's script says is hostile input; how often to list depends on whether the alarm proves itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.captures.alarm import parse_line
from bridge.captures.pace import Chatter, Pace
from bridge.captures.signals import Alarm

FOLDERS = (b"/sdcard/DCIM/Camera", b"/sdcard/Pictures")


def test_each_line_is_understood() -> None:
    lines = {
        b'{"event":"ready","watched":2}': "ready",
        b'{"event":"missing","dir":1}': "missing",
        b'{"event":"end","why":"no_inotifyd"}': "end no_inotifyd",
        b'{"event":"rescan","dir":1}': FOLDERS[1],
        b'{"event":"file","how":"moved","dir":0,"name":"a.jpg"}': Alarm(FOLDERS[0] + b"/a.jpg", moved=True),
        b'{"event":"file","how":"written","dir":1,"name":"b c.jpg"}': Alarm(FOLDERS[1] + b"/b c.jpg", moved=False),
    }
    assert {line: parse_line(line, FOLDERS) for line in lines} == lines


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"[" * 100_000,
        b"\xff",
        b'{"event":"rescan"}',
        b'{"event":"rescan","dir":2}',
        b'{"event":"rescan","dir":-1}',
        b'{"event":"rescan","dir":true}',
        b'{"event":"rescan","dir":0.0}',
        b'{"event":"file","how":"moved","dir":0,"name":"../../data/x.jpg"}',
        b'{"event":"file","how":"moved","dir":0,"name":"a\\u0000.jpg"}',
        b'{"event":"file","how":"moved","dir":0,"name":""}',
        b'{"event":"file","how":"moved","dir":0,"name":7}',
        b'{"event":"file","how":"eaten","dir":0,"name":"a.jpg"}',
        b'{"event":"file","how":["moved"],"dir":0,"name":"a.jpg"}',
        b'{"event":["ready"]}',
        b'{"event":"what"}',
        b'"{"',
    ],
)
def test_a_line_that_makes_no_sense_is_nothing(line: bytes) -> None:
    assert parse_line(line, FOLDERS) is None


@given(
    st.dictionaries(
        st.sampled_from(["event", "dir", "name", "how", "why"]),
        st.one_of(
            st.none(), st.integers(-1, 3), st.text(), st.sampled_from(["file", "rescan", "moved", "ready", "end"])
        ),
    )
)
def test_whatever_it_says_an_alarm_names_a_file_right_in_a_watched_folder(said: dict[str, object]) -> None:
    heard = parse_line(json.dumps(said).encode(), FOLDERS)
    if isinstance(heard, Alarm):
        folder, _, name = heard.path.rpartition(b"/")
        assert folder in FOLDERS
        assert name
    elif isinstance(heard, bytes):
        assert heard in FOLDERS


@given(st.binary(max_size=100))
def test_any_bytes_are_survived(line: bytes) -> None:
    parse_line(line, FOLDERS)


def test_folders_are_listed_every_second_until_the_alarm_has_proved_itself() -> None:
    pace = Pace()
    assert pace.listed(0.001, surprises=0) == pytest.approx(1.0)
    pace.alarm_heard()
    assert pace.listed(0.001, surprises=0) == pytest.approx(5.0)


def test_an_alarm_that_missed_a_picture_or_ended_has_to_prove_itself_again() -> None:
    pace = Pace()
    pace.alarm_heard()
    assert pace.listed(0.001, surprises=1) == pytest.approx(1.0)
    pace.alarm_heard()
    assert pace.listed(0.001, surprises=1) == pytest.approx(5.0)
    pace.alarm_lost()
    assert pace.listed(0.001, surprises=1) == pytest.approx(1.0)


def test_a_slow_listing_takes_one_part_in_twenty_of_the_time() -> None:
    assert Pace().listed(0.5, surprises=0) == pytest.approx(10.0)


def test_an_alarm_that_never_stops_talking_is_no_alarm_and_a_burst_is_one() -> None:
    burst, flood = Chatter(), Chatter()
    assert not any(burst.heard(second + line / 5_000) for second in range(0, 60, 6) for line in range(5_000))
    assert [flood.heard(line / 2_000) for line in range(5_001)] == [False] * 5_000 + [True]
