"""What an answer may lose when more is asked than can be answered: a ladder, climbed by load. Pure.

```
 0  nothing                                     a burst only waits
 1  smaller_picture                             two thirds of the side: less than half of the picture's tokens
 2  smaller_picture, greedy_shorter             no thinking, no drawing of lots, a short answer
 3  stock_text                                  a polite sentence at once instead of a late answer; batch is sent away
```
Load is 1 when the queue is full or when a new question would wait for `patience_s`, whichever is nearer. A step is
taken as soon as the load asks for it and given back one at a time, only after the load has been clearly lower for a
while: an answer's quality must not flicker. (The last step needs no while.) Every step that an answer was given stands
in it (`degraded`) and in the metrics.

Only questions that somebody waits for are degraded. What is asked as batch can wait, and a score is worth nothing when
the same question is sometimes answered worse.
"""

from dataclasses import replace
from typing import Final, Literal

from host_server.core.admission import Load
from host_server.core.question import PreparedQuestion

__all__ = ["STEPS", "STOCK_TEXT", "Ladder", "Step", "load_of", "shorter", "smaller"]

Step = Literal["smaller_picture", "greedy_shorter", "stock_text"]

STEPS: Final[tuple[Step, ...]] = ("smaller_picture", "greedy_shorter", "stock_text")
STOCK_TEXT: Final = "I am sorry, too many questions are waiting here right now. Please ask again in a moment."

_UP: Final = (0.5, 0.75, 0.95)
_DOWN: Final = tuple(0.7 * load for load in _UP)
_CALM_S: Final = (5.0, 5.0, 0.0)  # nobody is sent away any longer than there is a reason to
_SMALL_BURST: Final = 8  # so few only wait, however slow the engine is
_SHORT: Final = 128  # tokens


class Ladder:
    """The step that one engine stands on."""

    def __init__(self) -> None:
        self._level = 0
        self._busy_at = 0.0  # when the load was last too high to go down

    def look(self, load: float, *, now: float) -> int:
        """The step for a question that comes now, 0 for none."""
        level = sum(load >= bound for bound in _UP)
        self._level = max(self._level, level)
        if not self._calm(load):
            self._busy_at = now
        while self._calm(load) and now - self._busy_at >= _CALM_S[self._level - 1]:
            self._busy_at += _CALM_S[self._level - 1]
            self._level -= 1
        return self._level

    def _calm(self, load: float) -> bool:
        return self._level > 0 and load < _DOWN[self._level - 1]


def load_of(load: Load, *, patience_s: float) -> float:
    """One number for how much waits: 0 for a small burst, 1 for as much as can be borne."""
    if load.waiting < _SMALL_BURST:
        return 0.0
    return max(load.waiting / load.most, load.wait_s / patience_s)


def smaller(max_side: int) -> int:
    """The longest side of a picture that is made smaller."""
    return max_side * 2 // 3


def shorter(question: PreparedQuestion) -> PreparedQuestion:
    """The same question for less work. An answer that must have a form is not cut: half of it is worth nothing."""
    most = question.max_output_tokens if question.form else min(question.max_output_tokens or _SHORT, _SHORT)
    return replace(question, temperature=0.0, top_p=None, seed=None, thinking=False, max_output_tokens=most)
