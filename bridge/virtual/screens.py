"""Screens for a virtual phone to photograph: an order, a receipt, an error dialog. Each returns what it shows.

What stands on a screen is drawn by lot, anew for every picture or repeatably by `seed`, so that a right answer can only
have been read from the picture. Pillow is imported when the first screen is drawn: the laptop's part does without it.
"""

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.virtual.canvas import Canvas, Colour

__all__ = ["Facts", "error_dialog", "order_screen", "receipt"]

Facts = dict[str, str]
"""What a screen shows, by the name of the field: `{"order_number": "20251122-884213", …}`."""

_INK: Final = (24, 26, 32)
_GREY: Final = (104, 110, 122)
_PALE: Final = (226, 229, 235)
_PAPER: Final = (243, 244, 248)
_WHITE: Final = (255, 255, 255)
_BLUE: Final = (36, 92, 220)
_VIOLET: Final = (112, 72, 232)
_GREEN: Final = (22, 140, 90)

_PEOPLE: Final = ("Mei Lin", "Jonas Weber", "Aisha Khan", "Lucas Martin", "Zhang Wei", "Elena Rossi", "Sam Carter")
_STREETS: Final = ("Harbour Street", "Station Road", "Garden Avenue", "Mill Lane", "Century Avenue", "Park Row")
_GOODS: Final = (
    ("Wireless headphones Pro 2", 199),
    ("Desk lamp, warm white", 49),
    ("Travel mug 450 ml", 24),
    ("USB-C charger 65 W", 39),
    ("Trail running shoes", 129),
)
_STATUSES: Final = (("Order confirmed", 0), ("Shipped", 1), ("Out for delivery", 2), ("Delivered", 3))
_STEPS: Final = ("Confirmed", "Shipped", "On its way", "Delivered")
_CARRIERS: Final = (("SwiftPost", "SP"), ("NorthExpress", "NX"), ("ParcelOne", "PO"))
_ERRORS: Final = (
    ("Installation failed", "0x80070070", "There is not enough storage on this phone."),
    ("Camera not available", "0x8D0501A2", "Another app is using the camera."),
    ("Sync stopped", "0x80072EE7", "The server cannot be reached."),
)


def order_screen(path: Path, *, seed: int | None = None) -> Facts:
    """Draw the page of an order in a shop's app, 1080 x 2340 pixels."""
    from bridge.virtual.canvas import Canvas

    lot = _lot(seed)
    facts, goods = _order(lot)
    sheet = Canvas(1080, 2340, _PAPER)
    sheet.status_bar("9:41", _INK)
    sheet.line([(84, 158), (64, 178), (84, 198)], _INK, width=6)
    sheet.text(124, 178, "Order details", 52, _INK, bold=True)
    _draw_progress(sheet, facts)
    _draw_goods(sheet, goods)
    rows = ("order_number", "order_date", "payment_method", "carrier", "tracking_number")
    _draw_rows(sheet, 1236, [(_label(name), facts[name]) for name in rows])
    _draw_rows(sheet, 1776, [("Recipient", facts["recipient"]), ("Phone", facts["phone"])])
    _draw_total(sheet, facts)
    sheet.home_bar(_INK)
    sheet.save(path)
    return facts


def receipt(path: Path, *, seed: int | None = None) -> Facts:
    """Draw a shop's paper receipt, 900 pixels wide."""
    from bridge.virtual.canvas import Canvas

    lot = _lot(seed)
    goods = [(name, price, lot.randint(1, 3)) for name, price in lot.sample(_GOODS, 4)]
    subtotal = sum(price * count for _, price, count in goods)
    tax = round(subtotal * 0.19, 2)
    facts: Facts = {
        "receipt_number": f"{lot.randint(1000, 9999)}-{lot.randint(100, 999)}",
        "date": _day(lot).isoformat(),
        "cashier": lot.choice(_PEOPLE),
        "subtotal": f"${subtotal:.2f}",
        "tax": f"${tax:.2f}",
        "total": f"${subtotal + tax:.2f}",
    }
    sheet = Canvas(900, 1330, (214, 210, 202))
    sheet.card(50, 40, 850, 1290, (252, 251, 246), radius=6)
    sheet.text(450, 130, "CORNER MARKET", 60, _INK, bold=True, anchor="mm")
    sheet.text(450, 196, f"{lot.randint(2, 98)} {lot.choice(_STREETS)}", 32, _GREY, anchor="mm")
    y = _pairs_down(sheet, 290, [(_label(name), facts[name]) for name in ("receipt_number", "date", "cashier")])
    y = _rule(sheet, y)
    y = _pairs_down(sheet, y, [(f"{count} x {name}", f"${price * count:.2f}") for name, price, count in goods])
    y = _rule(sheet, y)
    y = _pairs_down(sheet, y, [(_label(name), facts[name]) for name in ("subtotal", "tax")])
    sheet.text(110, y + 20, "Total", 56, _INK, bold=True)
    sheet.text(790, y + 20, facts["total"], 56, _INK, bold=True, anchor="rm")
    sheet.text(450, y + 160, "Thank you for your visit!", 34, _GREY, anchor="mm")
    sheet.save(path)
    return facts


def error_dialog(path: Path, *, seed: int | None = None) -> Facts:
    """Draw a dark home screen with an error dialog on it, 1080 x 2340 pixels."""
    from bridge.virtual.canvas import Canvas

    lot = _lot(seed)
    title, code, reason = lot.choice(_ERRORS)
    facts: Facts = {
        "title": title,
        "error_code": code,
        "reason": reason,
        "version": f"4.{lot.randint(0, 20)}.{lot.randint(0, 9)}",
    }
    sheet = Canvas(1080, 2340, (18, 20, 28))
    sheet.status_bar("21:07", (236, 238, 244))
    for row in range(6):
        for column in range(4):
            tint = tuple(44 + lot.randint(0, 36) for _ in range(3))
            sheet.card(
                96 + 236 * column,
                300 + 300 * row,
                276 + 236 * column,
                480 + 300 * row,
                (tint[0], tint[1], tint[2]),
                radius=48,
            )
    sheet.card(70, 820, 1010, 1500, (42, 46, 58), radius=56)
    sheet.text(130, 920, title, 54, _WHITE, bold=True)
    sheet.text(130, 1020, reason, 38, (204, 208, 218))
    sheet.text(130, 1150, "Error code", 36, (160, 166, 180))
    sheet.text(950, 1150, code, 40, _WHITE, anchor="rm")
    sheet.text(130, 1240, "Version", 36, (160, 166, 180))
    sheet.text(950, 1240, facts["version"], 40, _WHITE, anchor="rm")
    sheet.text(610, 1410, "CLOSE", 40, (142, 170, 255), bold=True)
    sheet.text(810, 1410, "RETRY", 40, (142, 170, 255), bold=True)
    sheet.home_bar((236, 238, 244))
    sheet.save(path)
    return facts


# ------------------------------------------------------------------------------------------------ what is shown


def _lot(seed: int | None) -> random.Random:
    return random.SystemRandom() if seed is None else random.Random(seed)  # ruff: ignore[suspicious-non-cryptographic-random-usage] - a drawing, no secret


def _day(lot: random.Random) -> date:
    return date(2025, 1, 1) + timedelta(days=lot.randrange(700))


def _order(lot: random.Random) -> tuple[Facts, list[tuple[str, int, int]]]:
    goods = [(name, price, lot.randint(1, 2)) for name, price in lot.sample(_GOODS, 2)]
    day = _day(lot)
    carrier, letters = lot.choice(_CARRIERS)
    facts = {
        "order_number": f"{day:%Y%m%d}-{lot.randint(0, 999_999):06d}",
        "order_date": f"{day:%d %b %Y}, {lot.randint(8, 21):02d}:{lot.randint(0, 59):02d}",
        "delivery_date": f"{day + timedelta(days=lot.randint(2, 6)):%A, %d %B}",
        "status": lot.choice(_STATUSES)[0],
        "payment_method": f"Card ending {lot.randint(1000, 9999)}",
        "carrier": carrier,
        "tracking_number": f"{letters}{lot.randint(10**8, 10**9 - 1)}",
        "recipient": lot.choice(_PEOPLE),
        "phone": f"+1 555 {lot.randint(100, 999)} {lot.randint(1000, 9999)}",
        "total": f"${sum(price * count for _, price, count in goods):.2f}",
    }
    return facts, goods


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


# ------------------------------------------------------------------------------------------------ how it is drawn


def _draw_progress(sheet: "Canvas", facts: Facts) -> None:
    """Draw the coloured card with the status, the day of delivery and four steps."""
    done = dict(_STATUSES)[facts["status"]]
    sheet.gradient(40, 260, 1040, 650, _BLUE, _VIOLET, radius=44)
    sheet.text(90, 326, "Status", 36, (214, 222, 255))
    sheet.text(90, 392, facts["status"], 60, _WHITE, bold=True)
    sheet.text(990, 326, "Delivery date", 36, (214, 222, 255), anchor="rm")
    sheet.text(990, 392, facts["delivery_date"], 38, _WHITE, anchor="rm")
    places = [150 + 260 * step for step in range(len(_STEPS))]
    sheet.line([(places[0], 516), (places[-1], 516)], (150, 150, 240), width=8)
    sheet.line([(places[0], 516), (places[done], 516)], _WHITE, width=8)
    for step, x in enumerate(places):
        sheet.dot(x, 516, 22, _WHITE if step <= done else (150, 150, 240))
        if step <= done:
            sheet.line([(x - 9, 516), (x - 2, 524), (x + 10, 508)], _BLUE, width=5)
        sheet.text(x, 580, _STEPS[step], 30, _WHITE, anchor="mm")


def _draw_goods(sheet: "Canvas", goods: Sequence[tuple[str, int, int]]) -> None:
    sheet.card(40, 690, 1040, 1196, _WHITE)
    sheet.text(90, 750, "Items", 40, _INK, bold=True)
    pictures: tuple[tuple[Colour, Callable[[Canvas, float, float], None]], ...] = (
        ((232, 238, 255), _bag),
        ((255, 240, 226), _parcel),
    )
    for row, ((name, price, count), (tint, draw)) in enumerate(zip(goods, pictures, strict=True)):
        y = 884 + 190 * row
        sheet.card(90, y - 74, 238, y + 74, tint, radius=30)
        draw(sheet, 164, y)
        sheet.text(276, y - 30, name, 40, _INK)
        sheet.text(276, y + 32, f"Quantity {count}", 32, _GREY)
        sheet.text(990, y - 30, f"${price * count:.2f}", 40, _INK, anchor="rm")
        if row + 1 < len(goods):
            sheet.line([(276, y + 95), (990, y + 95)], _PALE, width=2)


def _draw_rows(sheet: "Canvas", top: float, rows: Sequence[tuple[str, str]]) -> None:
    """Draw a white card with a label at the left and its value at the right of each row."""
    height = 96
    sheet.card(40, top, 1040, top + height * len(rows) + 24, _WHITE)
    for row, (label, value) in enumerate(rows):
        y = top + 12 + height * (row + 0.5)
        sheet.text(90, y, label, 38, _GREY)
        sheet.text(990, y, value, 38, _INK, anchor="rm")
        if row:
            sheet.line([(90, y - height / 2), (990, y - height / 2)], _PALE, width=2)


def _draw_total(sheet: "Canvas", facts: Facts) -> None:
    sheet.text(90, 2056, "Total", 48, _INK, bold=True)
    sheet.text(990, 2056, facts["total"], 60, _INK, bold=True, anchor="rm")
    sheet.card(40, 2120, 690, 2256, _BLUE, radius=68)
    sheet.text(365, 2188, "Track package", 44, _WHITE, bold=True, anchor="mm")
    sheet.frame(720, 2120, 1040, 2256, _BLUE, radius=68)
    sheet.text(880, 2188, "Help", 44, _BLUE, bold=True, anchor="mm")


def _bag(sheet: "Canvas", x: float, y: float) -> None:
    sheet.arc(x, y - 14, 22, (180, 360), _BLUE, width=7)
    sheet.card(x - 42, y - 16, x + 42, y + 46, _BLUE, radius=10)
    sheet.line([(x - 16, y + 14), (x - 3, y + 28), (x + 20, y)], _WHITE, width=7)


def _parcel(sheet: "Canvas", x: float, y: float) -> None:
    sheet.card(x - 44, y - 34, x + 44, y + 42, (222, 140, 60), radius=8)
    sheet.card(x - 10, y - 34, x + 10, y + 42, (246, 200, 140), radius=0)
    sheet.line([(x - 44, y - 6), (x + 44, y - 6)], (186, 108, 36), width=4)


def _pairs_down(sheet: "Canvas", y: float, rows: Sequence[tuple[str, str]]) -> float:
    """Write labels at the left and values at the right edge of the receipt; return where the next line goes."""
    for row, (label, value) in enumerate(rows):
        sheet.text(110, y + 66 * row, label, 36, _INK)
        sheet.text(790, y + 66 * row, value, 36, _INK, anchor="rm")
    return y + 66 * len(rows)


def _rule(sheet: "Canvas", y: float) -> float:
    for x in range(110, 790, 24):
        sheet.line([(x, y - 10), (x + 12, y - 10)], _GREY, width=2)
    return y + 50
