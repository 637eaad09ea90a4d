"""The real models on real pixels: screens, dark screens, photos of screens, small print, Chinese."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from bridge.virtual.screens import Facts, error_dialog, order_screen, receipt
from host_server.engines.ocr import rapid
from host_server.engines.ocr.page import Page, lay_out
from host_server.engines.ocr.reply import reply
from host_server.imaging import prepare

pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")

CHINESE_FONT = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
needs_chinese_font = pytest.mark.skipif(
    not CHINESE_FONT.exists(), reason="Debian's fonts-wqy-microhei is not installed"
)


@pytest.fixture(scope="module")
def reader() -> rapid.Reader:
    return rapid.load()


@pytest.fixture(scope="module")
def read(reader: rapid.Reader) -> Callable[[bytes], Page]:
    return lambda data: lay_out(reader(prepare(data).jpeg, bool))


def first_line(question: str, page: Page) -> str:
    return reply(question, [page]).splitlines()[0]


def jpeg(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", **options)
    return out.getvalue()


def rows_of(order: Path) -> Image.Image:
    """The rows with numbers and names on an order's screen: ten texts, so read in two batches."""
    with Image.open(order) as screen:
        return screen.crop((0, 1180, 1080, 1760))


@pytest.mark.parametrize("draw", [order_screen, receipt, error_dialog])
def test_every_labelled_fact_of_a_drawn_screen_is_found(
    read: Callable[[bytes], Page], draw: Callable[..., Facts], tmp_path: Path
) -> None:
    facts = draw(tmp_path / "screen.png", seed=11)
    labelled = {name: value for name, value in facts.items() if name not in {"title", "reason"}}

    page = read((tmp_path / "screen.png").read_bytes())

    seen = {name: first_line(f"What is the {name.replace('_', ' ')}?", page) for name in labelled}
    assert seen == labelled


def test_a_photo_stored_on_its_side_is_read_upright(read: Callable[[bytes], Page], tmp_path: Path) -> None:
    facts = order_screen(tmp_path / "order.png", seed=3)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = jpeg(rows_of(tmp_path / "order.png").transpose(Image.Transpose.ROTATE_90), exif=exif, quality=90)

    assert first_line("What is the order number?", read(stored)) == facts["order_number"]


def test_a_noisy_slanted_photo_of_a_screen_is_read(read: Callable[[bytes], Page], tmp_path: Path) -> None:
    facts = order_screen(tmp_path / "order.png", seed=4)
    with Image.open(tmp_path / "order.png") as screen:
        desk = Image.new("RGB", (1600, 2133), (92, 78, 64))
        desk.paste(screen.resize((860, 1863)), (347, 140))
    turned = desk.rotate(4, Image.Resampling.BICUBIC, fillcolor=(92, 78, 64)).filter(ImageFilter.GaussianBlur(0.8))
    grain = Image.effect_noise(turned.size, 28)
    noisy = ImageChops.add(turned, Image.merge("RGB", (grain, grain, grain)), offset=-128)

    page = read(jpeg(noisy, quality=60))

    assert first_line("What is the order number?", page) == facts["order_number"]
    assert first_line("What is the tracking number?", page) == facts["tracking_number"]
    assert first_line("How much is the total?", page) == facts["total"]


def test_small_print_is_read(read: Callable[[bytes], Page]) -> None:
    sheet = Image.new("RGB", (1080, 2340), "white")
    pen = ImageDraw.Draw(sheet)
    for row, size in enumerate((22, 24, 28, 34)):
        pen.text((60, 200 + 120 * row), f"Serial number {size}", fill=(60, 60, 60), font=ImageFont.load_default(size))
        pen.text((700, 200 + 120 * row), f"SN-{size}-4471", fill=(60, 60, 60), font=ImageFont.load_default(size))

    text = read(jpeg(sheet, quality=92)).text

    assert [f"SN-{size}-4471" in text for size in (22, 24, 28, 34)] == [True] * 4


@needs_chinese_font
def test_a_chinese_page_is_read_and_answered(read: Callable[[bytes], Page]) -> None:
    sheet = Image.new("RGB", (1080, 1500), (245, 245, 247))
    pen = ImageDraw.Draw(sheet)
    lines = [
        "订单详情",
        "订单号：20251122-884213",
        "收货人：张伟",
        "合计 Total: ¥378.00",
        "支付方式：微信支付",
        "状态：已发货",
    ]
    for row, line in enumerate(lines):
        pen.text((60, 120 + 160 * row), line, fill=(30, 30, 30), font=ImageFont.truetype(str(CHINESE_FONT), 46))
    out = io.BytesIO()
    sheet.save(out, "PNG")

    page = read(out.getvalue())

    assert first_line("订单号是多少？", page) == "20251122-884213"
    assert first_line("收货人是谁？", page) == "张伟"
    assert first_line("合计多少？", page).lstrip("¥￥") == "378.00"
    assert first_line("How is it paid?", page) == "微信支付"
    assert first_line("What is the status?", page) == "已发货"


def test_a_dense_page_can_be_stopped_while_it_is_read(reader: rapid.Reader, tmp_path: Path) -> None:
    order_screen(tmp_path / "order.png", seed=1)
    jpeg_bytes = prepare(jpeg(rows_of(tmp_path / "order.png"))).jpeg
    asked: list[bool] = []

    def second_time() -> bool:
        asked.append(len(asked) == 1)
        return asked[-1]

    with pytest.raises(rapid.Stopped):
        reader(jpeg_bytes, second_time)

    assert asked == [False, True]
    assert reader(jpeg_bytes, bool)


def test_a_picture_without_text_has_none(read: Callable[[bytes], Page]) -> None:
    assert read(jpeg(Image.new("RGB", (640, 480), (120, 160, 200)))).rows == ()
    assert read(jpeg(Image.new("RGB", (1, 1)))).rows == ()
    assert read(jpeg(Image.new("RGB", (2000, 3)))).rows == ()
