"""Answers that need no engine again: the same question about the same picture, by the same client.

A key names everything that decides the words: client, engine and model, how large pictures are made for it, the
pictures by content, text, system text, earlier turns, the limit, the form and the stops of the answer, whether the
model thinks. The client is part of it, so that a hit never tells one client what another has asked. Only what greedy
engines said to the end, and nothing was taken from, is kept; the least recently used goes first.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from host_server.core.question import AnswerForm, Turn

__all__ = ["AnswerCache", "CachedAnswer", "cache_key"]

_OVERHEAD = 512  # bytes an entry costs beside its text


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """What the engine said, as it said it."""

    text: str
    tokens: int
    thought: str = ""
    """What it thought before."""
    usage: dict[str, Any] | None = None
    """What it cost then, as it was told."""

    @property
    def size(self) -> int:
        """Bytes it is counted with."""
        return len((self.thought + self.text).encode("utf-8", "surrogatepass")) + _OVERHEAD


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: CachedAnswer
    about: frozenset[tuple[str, str]]
    at: float


def cache_key(
    principal: str,
    *,
    engine: tuple[str, str, int],
    pictures: Iterable[str],
    text: str,
    system: str = "",
    history: Iterable[Turn] = (),
    max_output_tokens: int | None = None,
    stop: Iterable[str] = (),
    thinking: bool | None = None,
    form: AnswerForm | None = None,
) -> str:
    """The name of a question. `engine` is its name, model and longest side; `pictures` are sha256s, in order."""
    said = [(turn.role, turn.text) for turn in history]
    wanted = None if form is None else asdict(form)
    parts = [principal, engine, list(pictures), text, system, said, max_output_tokens, list(stop), thinking, wanted]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class AnswerCache:
    """At most `max_bytes` of answers, none older than `keep_s`; with 0 bytes nothing is kept."""

    def __init__(self, *, max_bytes: int, keep_s: float) -> None:
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0

    @property
    def on(self) -> bool:
        """Whether it keeps anything at all."""
        return self._max_bytes > 0

    @property
    def size(self) -> int:
        """Bytes in it now."""
        return self._bytes

    def find(self, key: str, *, now: float) -> CachedAnswer | None:
        """The answer to this question, if it is known and fresh."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now - entry.at >= self._keep_s:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.answer

    def remember(self, key: str, answer: CachedAnswer, *, principal: str, pictures: Iterable[str], now: float) -> None:
        """Keep an answer that was said to its end, and let others go for it."""
        self._drop(key)
        self._entries[key] = _Entry(answer, frozenset((principal, sha256) for sha256 in pictures), now)
        self._bytes += answer.size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def forget_picture(self, principal: str, sha256: str) -> None:
        """The client has deleted this picture: nothing that was said about it stays."""
        for key in [key for key, entry in self._entries.items() if (principal, sha256) in entry.about]:
            self._drop(key)

    def forget(self, key: str) -> None:
        """The client has deleted an answer to this question."""
        self._drop(key)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.answer.size
