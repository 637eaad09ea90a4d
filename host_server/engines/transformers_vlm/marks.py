"""Tell what a model thinks aloud from what it says, while both are still being written. Pure.

Models that think begin their answer with `<think>`, or their chat template has begun it for them, and say `</think>`
before they come to the point. The marks may arrive in bits: what may become one is held back until it is known.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["CLOSING", "OPENING", "SPOKEN", "Said", "Thoughts", "unfinished"]

OPENING: Final = "<think>"
CLOSING: Final = "</think>"
SPOKEN: Final = frozenset({OPENING, CLOSING, "<|begin_of_box|>", "<|end_of_box|>"})
"""Marks that mean something to those who read an answer; the boxes are taken off by the host."""
_MOST_SPACE: Final = 64
"""White space before the first mark; behind more than this nobody thinks."""


class Said(NamedTuple):
    """A bit of text, and which of the two it is."""

    text: str
    thinking: bool


def unfinished(text: str, marks: Iterable[str]) -> int:
    """How many characters at the end of `text` may be the beginning of one of the marks, and are not yet the whole."""
    return max((_overlap(text, mark) for mark in marks), default=0)


class Thoughts:
    """Give it the text as it comes with `add`, then `rest`.

    Thinking is looked for where an answer begins and nowhere else: later the marks are words like any others, for a
    picture may show them. A closing mark there is the end of a thinking that the template has begun and ended.
    White space behind a mark belongs to neither side and is left out.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._stage = "thinking" if begun else "beginning"
        self._fresh = begun  # a mark was the last: white space is dropped
        self._held = ""

    @property
    def thinking(self) -> bool:
        """Whether the answer itself has not begun yet, as far as is known."""
        return self._stage == "thinking"

    def add(self, text: str) -> list[Said]:
        """The next text; gives what is certain."""
        text, self._held = self._held + text, ""
        said: list[Said] = []
        if self._stage == "beginning":
            text = self._begin(text)
        if self._stage == "thinking":
            text = self._think(text, said)
        if self._stage == "saying":
            self._say(text, said, thinking=False)
        return said

    def rest(self) -> list[Said]:
        """Nothing more comes: what was held back was no mark."""
        held, self._held = self._held, ""
        return [Said(held, self.thinking)] if held else []

    def _begin(self, text: str) -> str:
        """Decide how the answer begins; gives what is left to read."""
        bare = text.lstrip()
        if len(text) - len(bare) <= _MOST_SPACE:
            if bare.startswith(OPENING):
                self._stage, self._fresh = "thinking", True
                return bare.removeprefix(OPENING)
            if bare.startswith(CLOSING):
                self._stage, self._fresh = "saying", True
                return bare.removeprefix(CLOSING)
            if OPENING.startswith(bare) or CLOSING.startswith(bare):
                self._held = text
                return ""
        self._stage = "saying"
        return text

    def _think(self, text: str, said: list[Said]) -> str:
        thought, mark, text = text.partition(CLOSING)
        if not mark:
            held = len(thought) - unfinished(thought, (CLOSING,))
            thought, self._held = thought[:held], thought[held:]
        self._say(thought, said, thinking=True)
        if mark:
            self._stage, self._fresh = "saying", True
        return text

    def _say(self, text: str, said: list[Said], *, thinking: bool) -> None:
        if self._fresh:
            text = text.lstrip()
            self._fresh = not text
        if text:
            said.append(Said(text, thinking))


def _overlap(text: str, mark: str) -> int:
    longest = min(len(text), len(mark) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(mark[:size])), 0)
