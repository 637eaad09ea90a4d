"""What the trained model knows: 32 colours by name, far enough apart that a tint of one is no other.

They are chosen to be learnt in seconds: no greys, for those lie between all others; short names, mostly without a
letter twice, for a model that spells must know where in a word it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ASKED", "COLOURS", "THOUGHT", "TINT", "Colour", "drawn", "tinted"]


@dataclass(frozen=True, slots=True)
class Colour:
    """A name in English and Chinese for the colours around one."""

    chinese: str
    rgb: tuple[int, int, int]


COLOURS: Final[Mapping[str, Colour]] = {
    "black": Colour("黑色", (12, 12, 12)),
    "white": Colour("白色", (248, 248, 248)),
    "wine": Colour("酒红色", (104, 8, 20)),
    "red": Colour("红色", (216, 20, 24)),
    "rose": Colour("玫瑰色", (228, 16, 112)),
    "pink": Colour("粉红色", (252, 144, 188)),
    "salmon": Colour("鲑红色", (240, 104, 96)),
    "brown": Colour("棕色", (132, 56, 24)),
    "orange": Colour("橙色", (252, 124, 8)),
    "peach": Colour("桃色", (252, 196, 140)),
    "olive": Colour("橄榄色", (112, 120, 12)),
    "sand": Colour("沙色", (180, 176, 108)),
    "gold": Colour("金色", (196, 156, 16)),
    "yellow": Colour("黄色", (248, 232, 16)),
    "cream": Colour("奶油色", (252, 248, 176)),
    "lime": Colour("黄绿色", (140, 232, 12)),
    "mint": Colour("薄荷色", (148, 236, 152)),
    "green": Colour("绿色", (24, 152, 40)),
    "pine": Colour("松绿色", (8, 76, 24)),
    "jade": Colour("翡翠色", (12, 220, 144)),
    "teal": Colour("蓝绿色", (8, 120, 128)),
    "cyan": Colour("青色", (16, 228, 236)),
    "sky": Colour("天蓝色", (144, 196, 252)),
    "azure": Colour("蔚蓝色", (16, 136, 236)),
    "blue": Colour("蓝色", (16, 48, 224)),
    "navy": Colour("藏青色", (8, 16, 108)),
    "slate": Colour("石板色", (84, 84, 204)),
    "plum": Colour("梅色", (64, 8, 84)),
    "purple": Colour("紫色", (132, 28, 184)),
    "violet": Colour("紫罗兰色", (144, 72, 252)),
    "mauve": Colour("淡紫色", (192, 140, 244)),
    "magenta": Colour("洋红色", (240, 24, 228)),
}
ASKED: Final[Mapping[str, str]] = {"en": "What colour is it?", "zh": "这是什么颜色？"}
"""The question in each language; it knows many others, and takes what it does not know for one of these."""
THOUGHT: Final = "I look 👀"
"""What it thinks before it answers, where it may think: an eye is four tokens."""
TINT: Final = 10
"""How far each channel of a tint may be from its colour's. Two colours are more than four times that apart."""


def tinted(name: str, dice: Random, tint: int = TINT) -> tuple[int, int, int]:
    """Some tint of a colour."""
    red, green, blue = (min(255, max(0, level + dice.randint(-tint, tint))) for level in COLOURS[name].rgb)
    return red, green, blue


def drawn(name: str, dice: Random, size: tuple[int, int]) -> "Image":
    """A picture of some tint of a colour, and of nothing else."""
    from PIL import Image

    return Image.new("RGB", size, tinted(name, dice))
