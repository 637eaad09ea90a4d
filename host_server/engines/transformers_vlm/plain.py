"""Text of people is text: it must never become the marks that steer a model.

A tokenizer turns `<|assistant|>`, `<|image|>` or `<think>` into control tokens wherever they stand, also in a
question, in what was read from a picture, in an earlier answer. Whoever writes them could speak with the model's voice
or point at pictures that are not there. Here each is broken by a space behind its first character: the model still
reads what was written, and it is only text. All other text stays as it is, so its tokens are those the model knows.
"""

import re
from itertools import pairwise
from typing import Any, Final

from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm.marks import CLOSING, OPENING

__all__ = ["PlainText"]

_BRACKETED: Final = re.compile(r"[<\[◁].*[>\]▷]", re.DOTALL)
"""The form of a mark that is an ordinary added token; others, such as runs of spaces, are text."""
_LOOKS_LIKE_ONE: Final = r"<\|\w{1,64}\|>"
"""Processors also replace marks of their own before the tokenizer sees the text."""
_ROUNDS: Final = 8
"""A broken mark may bare another one that overlapped it."""


class PlainText:
    """Makes text plain for one processor. Only reads it."""

    def __init__(self, processor: Any) -> None:
        self._tokenizer = processor.tokenizer.backend_tokenizer
        self._controls = frozenset(
            number
            for number, token in processor.tokenizer.added_tokens_decoder.items()
            if token.special or _BRACKETED.fullmatch(token.content)
        )
        known = {OPENING, CLOSING, *_marks_of(processor)}
        self._marks = re.compile("|".join([_LOOKS_LIKE_ONE, *map(re.escape, sorted(known))]))

    def __call__(self, text: str) -> str:
        """The same text without marks and without halves of characters. Raises `EngineError` when that cannot be."""
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        for _ in range(_ROUNDS):
            spans = [*self._tokens_in(text), *(found.span() for found in self._marks.finditer(text))]
            if not spans:
                return text
            text = _broken(text, spans)
        raise EngineError("The question cannot be told from the marks that steer the model.")

    def _tokens_in(self, text: str) -> list[tuple[int, int]]:
        """Where the tokenizer, which may read one character as another, finds control tokens."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return [span for number, span in zip(encoding.ids, encoding.offsets, strict=True) if number in self._controls]


def _marks_of(processor: Any) -> list[str]:
    named = (getattr(processor, name, None) for name in ("image_token", "video_token", "audio_token"))
    return [str(mark) for mark in named if mark]


def _broken(text: str, spans: list[tuple[int, int]]) -> str:
    """A space behind the first character of each span; white space in front of a mark may be part of its span."""
    at = {start + len(text[start:end]) - len(text[start:end].lstrip()) + 1 for start, end in spans}
    edges = [0, *sorted(at), len(text)]
    return " ".join(text[start:end] for start, end in pairwise(edges))
