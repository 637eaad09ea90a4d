"""Boxes into rows and columns: order in, order out, whatever the order and slant they were found in."""

import math

from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.ocr.page import Quad, lay_out
from host_server.engines.ocr.reply import reply
from tests.support.layout import boxes, page

FORM = """
Order number       4711-0815
Order date         22 Nov 2025
Status             Shipped
Total amount       $204.00
"""


def turned(quad: Quad, degrees: float) -> Quad:
    angle = math.radians(degrees)
    first, second, third, fourth = (
        (x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)) for x, y in quad
    )
    return first, second, third, fourth


def test_rows_read_from_left_to_right_and_top_to_bottom_whatever_order_they_were_found_in() -> None:
    found = boxes(FORM)

    assert lay_out(found[::-1]) == page(FORM)
    assert lay_out(found[3:] + found[:3]) == page(FORM)
    assert page(FORM).text.splitlines()[0] == "Order number  4711-0815"


def test_a_slanted_photo_is_levelled_first() -> None:
    for degrees in (-12, -5, 3, 9):
        slanted = lay_out([(text, turned(quad, degrees)) for text, quad in boxes(FORM)])

        assert slanted.text == page(FORM).text
        assert reply("order date?", [slanted]).startswith("22 Nov 2025\n")


def test_small_and_large_print_of_one_line_stay_in_one_row() -> None:
    small: Quad = ((0, 20), (80, 20), (80, 40), (0, 40))
    large: Quad = ((200, 0), (400, 0), (400, 60), (200, 60))

    assert lay_out([("$204.00", large), ("Total", small)]).text == "Total  $204.00"


def test_two_columns_of_running_text_are_read_one_after_the_other() -> None:
    left = [
        "the quick brown fox jumps over",
        "a lazy dog that slept all day",
        "and never saw it coming there",
        "so it goes",
    ]
    right = [
        "meanwhile in another column a",
        "second story was told to those",
        "who cared to read on until its",
        "very end",
    ]
    drawing = "\n".join(f"{one:<34}{two}" for one, two in zip(left, right, strict=True))

    assert page(drawing).text.splitlines() == [*left, *right]


def test_labels_and_values_are_no_columns() -> None:
    assert [len(row) for row in page(FORM).rows] == [2, 2, 2, 2]


def test_empty_text_and_boxes_that_are_nowhere_are_left_out() -> None:
    nan = math.nan
    nowhere: Quad = ((nan, 0), (1, 0), (1, 1), (0, 1))

    assert lay_out([("  ", ((0, 0), (1, 0), (1, 1), (0, 1))), ("x", nowhere)]).rows == ()


coordinate = st.floats(-1e4, 1e4)
corner = st.tuples(coordinate, coordinate)
quads = st.tuples(corner, corner, corner, corner)


@given(st.lists(st.tuples(st.text(max_size=30), quads), max_size=12))
def test_any_boxes_make_a_page_that_holds_all_their_text(found: list[tuple[str, Quad]]) -> None:
    laid_out = lay_out(found)

    kept = sorted(text.strip() for text, _ in found if text.strip())
    assert sorted(box.text for row in laid_out.rows for box in row) == kept
