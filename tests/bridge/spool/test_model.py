"""Names from phones are shown safely, and ids mean what they name."""

import unicodedata
from itertools import starmap
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.spool import FileKey, display_name
from bridge.spool.model import capture_id, event_id
from bridge.spool.quota import Kept, plan_room


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"IMG_1.jpg", "IMG_1.jpg"),
        ("照片 1.jpg".encode(), "照片 1.jpg"),
        (b"a\nb.jpg", r"a\nb.jpg"),
        (b"\x1b[31mred.jpg", r"\x1b[31mred.jpg"),
        ("a\u202egpj.exe".encode(), r"a\u202egpj.exe"),
        ("a\u2028b".encode(), r"a\u2028b"),
        (b"\xff\xfe.jpg", r"\xff\xfe.jpg"),
        (rb"a\nb", r"a\\nb"),
        (b"$(id) 'x' \"y\".jpg", "$(id) 'x' \"y\".jpg"),
    ],
)
def test_a_name_is_shown_with_nothing_hidden_in_it(raw: bytes, shown: str) -> None:
    assert display_name(raw) == shown


@given(st.binary(max_size=255))
def test_whatever_the_bytes_the_shown_name_is_printable_text(raw: bytes) -> None:
    shown = display_name(raw)
    assert not [char for char in shown if unicodedata.category(char)[0] == "C"]
    assert shown.encode("utf-8").decode("utf-8") == shown


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_names_never_look_the_same(one: bytes, other: bytes) -> None:
    assert (display_name(one) == display_name(other)) == (one == other)


keys = st.builds(FileKey, st.binary(max_size=6), st.integers(0, 3), st.integers(0, 3))


@given(st.tuples(st.text(max_size=3), keys), st.tuples(st.text(max_size=3), keys))
def test_a_capture_id_names_phone_file_and_version(one: tuple[str, FileKey], other: tuple[str, FileKey]) -> None:
    assert (capture_id(*one) == capture_id(*other)) == (one == other)


def test_ids_look_alike_and_an_event_never_repeats() -> None:
    assert event_id() != event_id()
    assert {len(event_id()), len(capture_id("d", FileKey(b"p", 1, 2)))} == {36}


droppable = st.lists(st.tuples(st.uuids().map(str), st.sampled_from("abc")), max_size=8, unique_by=itemgetter(0))


@given(droppable, st.integers(-5, 40), st.fixed_dictionaries({name: st.integers(0, 2) for name in "abc"}))
def test_a_plan_frees_enough_or_there_is_none_and_drops_no_more_than_it_must(
    kept: list[tuple[str, str]], excess: int, owed: dict[str, int]
) -> None:
    rows = list(starmap(Kept, kept))
    sizes = {"a": 10, "b": 7, "c": 1}
    references = {name: owed[name] + sum(row.sha256 == name for row in rows) for name in sizes}

    def freed(plan: list[Kept]) -> int:
        left = {name: references[name] - sum(row.sha256 == name for row in plan) for name in sizes}
        return sum(sizes[name] for name in sizes if references[name] and not left[name])

    plan = plan_room(rows, references, sizes, excess)
    if plan is None:
        assert freed(rows) < excess
    else:
        assert plan == rows[: len(plan)]
        assert freed(plan) >= excess
        assert not plan or freed(plan[:-1]) < excess
