"""The screens a virtual phone photographs: repeatable by seed, different without one, and the size of a phone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bridge.virtual.screens import Facts, error_dialog, order_screen, receipt


@pytest.mark.parametrize("draw", [order_screen, receipt, error_dialog])
def test_the_same_seed_draws_the_same_screen(draw: Callable[..., Facts], tmp_path: Path) -> None:
    one, two, other = tmp_path / "one.png", tmp_path / "two.png", tmp_path / "other.png"

    assert draw(one, seed=1) == draw(two, seed=1)
    assert draw(other, seed=2) != draw(one, seed=1)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes() != other.read_bytes()


def test_without_a_seed_no_two_orders_are_alike(tmp_path: Path) -> None:
    numbers = {order_screen(tmp_path / "order.png")["order_number"] for _ in range(3)}

    assert len(numbers) == 3


def test_an_order_fills_a_phones_screen_and_says_what_it_shows(tmp_path: Path) -> None:
    facts = order_screen(tmp_path / "order.png", seed=7)

    with Image.open(tmp_path / "order.png") as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (1080, 2340), "RGB")
    assert {"order_number", "order_date", "status", "total", "recipient", "phone", "tracking_number"} <= set(facts)
    assert all(facts.values())
