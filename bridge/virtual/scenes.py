"""What the virtual phone photographs, and what is asked about it: something that the engine can tell.

An engine that reads gets a screen full of words; one that looks at pictures gets a sheet of one colour, which even the
smallest model can name.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.virtual.screens import order_screen

__all__ = ["COLOURS", "Scene", "colour_sheet", "scene_for"]

COLOURS: Final[Mapping[str, tuple[int, int, int]]] = {
    "red": (216, 20, 24),
    "orange": (252, 124, 8),
    "yellow": (248, 232, 16),
    "green": (24, 152, 40),
    "blue": (16, 48, 224),
    "purple": (132, 28, 184),
    "black": (12, 12, 12),
    "white": (248, 248, 248),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """`needs` names modules without which the engine cannot answer, `extra` what to install then."""

    question: str
    draw: Callable[[Path], str]
    """Draws a PNG at that path; returns what is on it, so that the answer can be judged."""
    needs: tuple[str, ...] = ()
    extra: str = "demo"
    answer_s: float = 60.0
    """Longest time for an answer: a model may have to be loaded first."""


def scene_for(engine: str) -> Scene:
    """The scene for an engine `NAME` or `NAME=MODEL`."""
    return _SCENES.get(engine.partition("=")[0].strip(), _READ)


def colour_sheet(path: Path) -> str:
    """Draw a sheet of one colour, 900 x 1200 pixels; which, is drawn by lot. Returns its name."""
    from PIL import Image

    name = random.SystemRandom().choice(list(COLOURS))
    Image.new("RGB", (900, 1200), COLOURS[name]).save(path)
    return name


def _order(path: Path) -> str:
    return f"an order screen with the number {order_screen(path)['order_number']}"


def _sheet(path: Path) -> str:
    return f"a sheet, all {colour_sheet(path)}"


_READ: Final = Scene("What is the order number?", _order)
_SCENES: Final[Mapping[str, Scene]] = {
    "ocr": Scene("What is the order number?", _order, needs=("rapidocr",)),
    "transformers_vlm": Scene(
        "What colour is it?", _sheet, needs=("torch", "transformers"), extra="demo,gpu", answer_s=600.0
    ),
    "upstream": Scene("What colour is it?", _sheet, answer_s=600.0),
}
