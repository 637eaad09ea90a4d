"""What a model says, without the paper it comes in, while it is still being said. Pure.

Models of the GLM family put marks around an answer or a place (`<|begin_of_box|>…<|end_of_box|>`); nearly all put a
fence of backticks around JSON. Marks are always taken off, one fence around the whole answer only when JSON was asked
for. Nothing else is changed: whatever else does not belong there stays, and is told.
"""

import re
from typing import Final

__all__ = ["BEGIN_MARK", "END_MARK", "Unwrapper"]

BEGIN_MARK: Final = "<|begin_of_box|>"
END_MARK: Final = "<|end_of_box|>"
_LONGEST_MARK: Final = max(len(BEGIN_MARK), len(END_MARK))
_MAX_SPANS: Final = 256

_OPENING: Final = re.compile(r"\s{0,64}```[A-Za-z0-9_-]{0,20}[ \t]{0,8}\r?\n")
_MAYBE_OPENING: Final = re.compile(r"\s{0,64}(?:`{0,2}|```[A-Za-z0-9_-]{0,20}[ \t]{0,8}\r?)")
_MAYBE_CLOSING: Final = re.compile(r"\s*(?:(?<!`)`{1,3}\s*)?\Z")
_CLOSING: Final = re.compile(r"\s*```\s*")
_LONGEST_HELD: Final = 256
"""Characters at the end that may be the closing fence and the white space around it."""


class Unwrapper:
    """Give it the pieces as they come with `add`, then `rest`; what they return, joined, is the answer's text."""

    def __init__(self, *, unfence: bool = False) -> None:
        self.spans: list[tuple[int, int]] = []
        """Where marks stood around something, as positions in the text without fences unwrapped."""
        self._unfence = unfence
        self._marked = ""  # what may be the beginning of a mark
        self._length = 0
        self._open: int | None = None
        self._fence: str | None = "" if unfence else None  # what may be the beginning of the fence; None: decided
        self._fenced = False
        self._tail = ""  # what may be the fence's end

    def add(self, piece: str) -> str:
        """The next piece; gives what is certainly text."""
        return self._without_fence(self._without_marks(piece))

    def rest(self) -> str:
        """The answer is over: what was held back and turned out to be text."""
        text, self._marked = self._marked, ""
        self._length += len(text)
        text = self._without_fence(text)
        if self._fence is not None:
            text, self._fence = text + self._fence, None
        tail, self._tail = self._tail, ""
        return text if _CLOSING.fullmatch(tail) else text + tail

    # ---- marks ----

    def _without_marks(self, piece: str) -> str:
        text, self._marked = self._marked + piece, ""
        out: list[str] = []
        while (at := text.find("<|")) >= 0:
            mark = next((mark for mark in (BEGIN_MARK, END_MARK) if text.startswith(mark, at)), None)
            if mark is None and len(text) - at < _LONGEST_MARK and _may_become_mark(text[at:]):
                break
            end = at + 2 if mark is None else at
            out.append(text[:end])
            self._length += end
            if mark is not None:
                self._mark(mark)
            text = text[end + (len(mark) if mark else 0) :]
        held = at if at >= 0 else len(text) - text.endswith("<")
        out.append(text[:held])
        self._length += held
        self._marked = text[held:]
        return "".join(out)

    def _mark(self, mark: str) -> None:
        if mark == BEGIN_MARK:
            self._open = self._length
        elif self._open is not None:
            if len(self.spans) < _MAX_SPANS:
                self.spans.append((self._open, self._length))
            self._open = None

    # ---- fence ----

    def _without_fence(self, text: str) -> str:
        if not self._unfence:
            return text
        if self._fence is not None:
            self._fence += text
            if _MAYBE_OPENING.fullmatch(self._fence):
                return ""
            found = _OPENING.match(self._fence)
            text, self._fence = self._fence[found.end() if found else 0 :], None
            self._fenced = found is not None
        return self._without_closing(text) if self._fenced else text

    def _without_closing(self, text: str) -> str:
        """Hold back the longest end that may be the fence's."""
        text = self._tail + text
        found = _MAYBE_CLOSING.search(text, max(0, len(text) - _LONGEST_HELD))
        held = found.start() if found else len(text)
        self._tail = text[held:]
        return text[:held]


def _may_become_mark(text: str) -> bool:
    return BEGIN_MARK.startswith(text) or END_MARK.startswith(text)
