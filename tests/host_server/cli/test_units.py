"""Sizes and times as people write them."""

import contextlib

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from host_server.cli import units


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2GiB", 2 * 1024**3),
        ("2g", 2 * 1024**3),
        ("2GB", 2 * 10**9),
        ("1.5 GiB", 3 * 1024**3 // 2),
        ("512MiB", 512 * 1024**2),
        ("500mb", 500 * 10**6),
        ("4096", 4096),
        ("7B", 7),
        ("1TiB", 1024**4),
    ],
)
def test_a_size_is_bytes(text: str, count: int) -> None:
    assert units.size(text) == count


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5400), ("2d", 172_800)])
def test_a_time_is_seconds(text: str, seconds: float) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0.2", "-1", "GiB", "2 gigs", "1e9", "2GiB2", "٣GiB", "9" * 16])
def test_what_is_no_size_is_said_with_an_example(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="2GiB"):
        units.size(text)


@pytest.mark.parametrize("text", ["", "0", "-5", "5 parsecs", "1:30", "inf", "nan"])
def test_what_is_no_time_is_said_with_an_example(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="15m"):
        units.duration(text)


@given(st.text(max_size=40))
def test_nothing_else_can_happen(text: str) -> None:
    for parse in (units.size, units.duration):
        with contextlib.suppress(typer.BadParameter):
            assert parse(text) > 0


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (20_580_000_000, "20.6 GB"), (3.2e12, "3.2 TB"), (7e15, "7e+03 TB")],
)
def test_a_size_is_shown_to_three_digits(count: float, text: str) -> None:
    assert units.show_size(count) == text
