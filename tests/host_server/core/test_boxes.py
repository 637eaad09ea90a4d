"""Which numbers in an answer are places in the picture."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.boxes import MAX_BOXES, Box, find_boxes


def _corners(text: str, spans: tuple[tuple[int, int], ...] = ()) -> list[tuple[int, int, int, int]]:
    return [box.corners for box in find_boxes(text, spans)]


def test_a_box_is_told_with_its_place_in_the_text() -> None:
    text = "Tap [[52, 310, 401, 377]] to send."

    (box,) = find_boxes(text)

    assert text[box.start : box.end] == "[52, 310, 401, 377]"
    assert box.annotation() == {
        "type": "bridge:box",
        "box": [52, 310, 401, 377],
        "label": None,
        "start_index": 5,
        "end_index": 24,
    }


@pytest.mark.parametrize(
    ("text", "corners"),
    [
        ("[[1,2,3,4],[5,6,7,8]]", [(1, 2, 3, 4), (5, 6, 7, 8)]),
        ("[ [ 1 , 2 ,\n3 , 4 ] ]", [(1, 2, 3, 4)]),
        ('{"bbox_2d": [0, 0, 999, 999]}', [(0, 0, 999, 999)]),
        ('{"box": [10,20,30,40]}', [(10, 20, 30, 40)]),
        ("[[0,0,1000,1000]]", [(0, 0, 999, 999)]),
        ("[1,2,3,4]", []),
        ("[[1,2,3]]", []),
        ("[[1,2,3,4,5]]", []),
        ("[[3,2,1,4]]", []),
        ("[[1,4,3,2]]", []),
        ("[[1,1,1,1]]", []),
        ("[[999,0,1000,5]]", []),
        ("[[0,999,5,1000]]", []),
        ("[[0,0,1001,5]]", []),
        ("[[0,0,5,1001]]", []),
        ("[[12345,0,5,6]]", []),
        ("[[1.5,2,3,4]]", []),
        ("[[-1,2,3,4]]", []),
        ("[[١,٢,٣,٤]]", []),
        ('{"size": [1,2,3,4]}', []),
        ("nothing", []),
    ],
)
def test_three_spellings_are_boxes_and_no_other(text: str, corners: list[tuple[int, int, int, int]]) -> None:
    assert _corners(text) == corners


def test_four_numbers_between_marks_are_a_box_with_single_brackets_too() -> None:
    assert _corners("[1,2,3,4] [5,6,7,8]", ((10, 19),)) == [(5, 6, 7, 8)]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('{"label": "Send", "bbox_2d": [1,2,3,4]}', "Send"),
        ('{"bbox_2d": [1,2,3,4], "name": "发\\u9001 \\"x\\""}', '发送 "x"'),
        ('{"label": "other"}, {"bbox_2d": [1,2,3,4]}', None),
        ('{"bbox_2d": [1,2,3,4]}, {"label": "other"}', None),
        ('"bbox_2d": [1,2,3,4]', None),
        ('{"bbox_2d": [1,2,3,4], "label": "\\ud800"}', None),
        ('{"bbox_2d": [1,2,3,4], "label": "\\q"}', None),
        ('{"label": "' + "x" * 500 + '", "bbox_2d": [1,2,3,4]}', None),
    ],
)
def test_the_label_is_the_one_beside_the_box(text: str, label: str | None) -> None:
    (box,) = find_boxes(text)

    assert box.label == label


def test_so_many_boxes_and_no_more() -> None:
    many = json.dumps([[1, 2, 3, 4]] * 60)

    assert len(find_boxes(many * 3)) == MAX_BOXES


@pytest.mark.parametrize("hostile", ["[", "[ ", "[[1,2,3,4],", '{"bbox_2d":', '{"label":"', "[1,", "[" + " " * 15])
def test_a_megabyte_that_looks_like_boxes_is_looked_through_at_once(hostile: str) -> None:
    text = hostile * (1_000_000 // len(hostile))
    began = time.process_time()

    find_boxes(text)

    assert time.process_time() - began < 2


@given(st.text(alphabet='[]{}",: 0123456789box_2dlae\\\n', max_size=120))
def test_whatever_an_engine_says_boxes_are_whole_and_where_they_are_said_to_be(text: str) -> None:
    for box in find_boxes(text, ((0, len(text)),)):
        left, top, right, bottom = box.corners

        assert 0 <= left < right <= 999
        assert 0 <= top < bottom <= 999
        assert text[box.start] == "["
        assert text[box.end - 1] == "]"


QUAD = st.tuples(st.integers(0, 998), st.integers(0, 998), st.integers(1, 999), st.integers(1, 999)).map(
    lambda q: (min(q[0], q[2] - 1), min(q[1], q[3] - 1), q[2], q[3])
)


@given(st.lists(QUAD, min_size=1, max_size=5), st.text(alphabet="ab 好.", max_size=9))
def test_what_is_written_as_boxes_is_read_back(quads: list[tuple[int, int, int, int]], around: str) -> None:
    text = around + json.dumps(quads) + around

    assert find_boxes(text) == [
        Box(quad, box.start, box.end) for quad, box in zip(quads, find_boxes(text), strict=True)
    ]
