"""From token ids to text, one at a time, never half a character.

A Chinese character or an emoji is up to four bytes, and byte-level tokens cut wherever they like. The library's
`DecodeStream` holds bytes back until they are a character, in constant time per token. Bytes that never become one
are told as U+FFFD once that is certain, and dropped at the end of an answer.
"""

from typing import Any, Final

from tokenizers.decoders import DecodeStream

from host_server.engines.transformers_vlm.marks import SPOKEN

__all__ = ["Decoder", "silent_tokens"]

_MOST_HELD: Final = 64
"""Tokens without text, after which waiting for the rest of a character makes no sense. Four bytes are the most it has;
without this bound a model that babbles would make each token cost as much as all before it."""


def silent_tokens(tokenizer: Any) -> frozenset[int]:
    """Those that steer a model. Some tokenizers count `<think>` among them, which is told all the same."""
    known = tokenizer.get_added_tokens_decoder().items()
    return frozenset(number for number, token in known if token.special and token.content not in SPOKEN)


class Decoder:
    """The text of one answer, `silent` tokens left out. `tokenizer` is a `tokenizers.Tokenizer`, and is only read."""

    def __init__(self, tokenizer: Any, silent: frozenset[int] = frozenset()) -> None:
        self._tokenizer = tokenizer
        self._silent = silent
        self._stream = DecodeStream()
        self._held: list[int] = []

    def add(self, token: int) -> str:
        """What the next token completes; often nothing."""
        if token in self._silent:
            return ""
        self._held.append(token)
        try:
            text = self._stream.step(self._tokenizer, token)
        except Exception:  # ruff: ignore[blind-except] the library knows no other class: bytes that fit to nothing
            return self._let_go()
        if text is None:
            return self._let_go() if len(self._held) >= _MOST_HELD else ""
        self._held.clear()
        return text

    def _let_go(self) -> str:
        """Tell what is held as it is, and start anew behind it."""
        text: str = self._tokenizer.decode(self._held, skip_special_tokens=False)
        self._stream = DecodeStream()
        self._held.clear()
        return text
