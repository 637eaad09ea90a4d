"""`bridge demo` as anybody runs it: one command, the whole chain, real OCR."""

import os
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.support.command import bridge
from tests.support.in_process import bridge_here

pytestmark = pytest.mark.e2e


async def test_the_demo_answers_with_the_order_number_and_tells_each_stage(tmp_path: Path) -> None:
    done = await bridge("demo", "--json", "--page", "demo.html", env=os.environ, cwd=tmp_path, deadline=90)

    assert done.code == 0, done
    (told,) = done.lines
    number = told["answer"].splitlines()[0]
    assert told["question"] == "What is the order number?"
    assert number.replace("-", "").isdigit()
    assert told["engine"] == "ocr"
    assert told["phone"] == {"linked": True, "answer_received": True}
    assert told["capture"]["source"] == "camera"
    assert set(told["timings_ms"]) >= {"pull", "upload", "queue", "prepare", "first_token", "total"}
    page = (tmp_path / "demo.html").read_text(encoding="utf-8")
    assert number in page
    assert "data:image/png;base64," in page
    assert "<script" not in page


async def test_the_demo_reads_any_picture_through_the_phones_camera_folder(tmp_path: Path) -> None:
    picture = Image.new("RGB", (900, 500), "white")
    font = ImageFont.load_default(48)
    ImageDraw.Draw(picture).text((60, 80), "Table: 14", font=font, fill="black")
    ImageDraw.Draw(picture).text((60, 220), "Total: 81.50", font=font, fill="black")
    picture.save(tmp_path / "bill.jpg", quality=90)
    words = ("demo", "--json", "--picture", "bill.jpg", "--prompt", "How much is the total?")
    done = await bridge(*words, env=os.environ, cwd=tmp_path, deadline=90)

    assert done.code == 0, done
    assert done.lines[0]["answer"].startswith("81.50")


async def test_a_picture_that_does_not_decode_is_refused_by_the_host(tmp_path: Path) -> None:
    Image.effect_noise((400, 400), 80).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    words = ("demo", "--picture", "cut.jpg", "--engine", "echo")  # no engine ever sees it
    done = await bridge(*words, env=os.environ, cwd=tmp_path, deadline=90)

    assert done.code == 9, done
    assert done.hint
    assert "Traceback" not in done.err


@pytest.mark.parametrize("content", [None, b"", b"GIF89a, no picture of ours"])
async def test_a_file_that_is_no_picture_is_refused_before_anything_starts(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "x.jpg").write_bytes(content)
    done = await bridge_here("demo", "--picture", "x.jpg", env=os.environ, cwd=tmp_path, deadline=20)

    assert done.code == 2, done
    assert "JPEG or PNG" in done.hint
