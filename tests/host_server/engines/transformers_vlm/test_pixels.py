"""What a processor has made of a picture is made once, and never taken for another picture's."""

from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `gpu` is not installed")
import torch

from host_server.engines.transformers_vlm.pixels import Pixels, opened
from host_server.imaging import prepare
from tests.support.real_pictures import jpeg

PIXEL_BYTES = 3 * 8 * 8 * 4


class Counting:
    """An image processor as far as a processor looks at it."""

    merge_size = 2

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, images: Any, **settings: Any) -> dict[str, Any]:
        self.asked.append(images)
        return {"pixel_values": torch.full((3, 8, 8), float(len(self.asked))), "rows": [[1]], "tiles": [torch.zeros(0)]}


@pytest.fixture
def counting() -> Counting:
    return Counting()


def shown(colour: str) -> Any:
    return opened(prepare(jpeg(40, 30, colour=colour)))


def test_a_picture_is_looked_at_once_and_has_its_own_pixels(counting: Counting) -> None:
    pixels = Pixels(counting)

    made = [pixels([shown(colour)])["pixel_values"][0, 0, 0].item() for colour in ("red", "blue", "red", "blue")]

    assert made == [1, 2, 1, 2]


def test_order_nesting_and_settings_matter(counting: Counting) -> None:
    pixels = Pixels(counting)
    red, blue = shown("red"), shown("blue")

    for images in ([red, blue], [blue, red], [[red, blue]], [[red], [blue]], red):
        pixels(images)
    pixels([red, blue], size=3)
    pixels([red, blue], size=4)

    assert len(counting.asked) == 7


def test_what_a_processor_takes_out_is_there_the_next_time(counting: Counting) -> None:
    pixels = Pixels(counting)
    pixels([shown("red")]).pop("rows")

    assert "rows" in pixels([shown("red")])


def test_the_pictures_seen_last_are_kept_within_the_limit(counting: Counting) -> None:
    pixels = Pixels(counting, most_bytes=2 * PIXEL_BYTES)

    for colour in ("red", "blue", "red", "green", "red", "blue"):
        pixels([shown(colour)])

    assert len(counting.asked) == 4


def test_one_picture_is_kept_however_large_it_is(counting: Counting) -> None:
    pixels = Pixels(counting, most_bytes=1)
    for _ in range(2):
        pixels([shown("red")])

    assert len(counting.asked) == 1


def test_it_has_what_its_image_processor_has(counting: Counting) -> None:
    assert Pixels(counting).merge_size == 2
    with pytest.raises(AttributeError):
        _ = Pixels(counting).patience


def test_a_picture_is_not_decoded_before_somebody_looks(counting: Counting) -> None:
    image = shown("red")

    assert (image.mode, image.size) == ("RGB", (40, 30))
    assert image.fp is not None
