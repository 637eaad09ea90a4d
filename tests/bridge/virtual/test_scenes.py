"""What the demo photographs is named, so that whoever watches can judge the answer."""

from pathlib import Path

from PIL import Image

from bridge.virtual.scenes import COLOURS, scene_for


def test_the_colour_is_named_that_a_model_is_to_see(tmp_path: Path) -> None:
    said = scene_for("transformers_vlm=somewhere").draw(tmp_path / "a.png")

    with Image.open(tmp_path / "a.png") as sheet:
        (colour,) = (name for name, value in COLOURS.items() if value == sheet.convert("RGB").getpixel((9, 9)))
    assert said == f"a sheet, all {colour}"


def test_the_number_is_named_that_is_to_be_read(tmp_path: Path) -> None:
    said = scene_for("ocr").draw(tmp_path / "a.png")

    assert said.startswith("an order screen with the number ")
    assert said.rpartition(" ")[2][-1].isdigit()
