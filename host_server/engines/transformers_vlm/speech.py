"""From the tokens of one answer to its pieces: characters whole, thinking apart, ended by a stop. Pure.

```
 token ─► decode ─► thoughts ─┬─ thinking ───────► Piece(thinking=True)
                              └─ said ─► stops ──► Piece
```
Stops are looked for in what is said, not in what is thought: an answer shall not end before it has begun.
"""

from collections.abc import Callable, Iterable

from host_server.engines.base import Piece
from host_server.engines.transformers_vlm.marks import Said, Thoughts
from host_server.engines.transformers_vlm.stops import Stops

__all__ = ["Speech"]


class Speech:
    """One answer. `add` each token, then `rest`; `decode` gives the text that a token completes."""

    def __init__(self, decode: Callable[[int], str], *, thinking: bool = False, stop: Iterable[str] = ()) -> None:
        self.reasoning_tokens = 0
        """Tokens spent on thinking, marks included. Thinking comes first, so these are the first ones."""
        self._decode = decode
        self._thoughts = Thoughts(begun=thinking)
        self._stops = Stops(stop)
        self._tokens = 0
        self._told = 0

    @property
    def stopped(self) -> bool:
        """Whether a stop has come: whatever tokens follow, nothing more is said."""
        return self._stops.hit

    def add(self, token: int) -> list[Piece]:
        """The next token; gives what it completes."""
        if self.stopped:
            return []
        self._tokens += 1
        before = self._thoughts.thinking
        said = self._thoughts.add(self._decode(token))
        if before or self._thoughts.thinking:
            self.reasoning_tokens = self._tokens
        return self._pieces([self._until_stopped(bit) for bit in said])

    def rest(self) -> list[Piece]:
        """The answer is over: what was held back, and turned out to be text."""
        said = [self._until_stopped(bit) for bit in self._thoughts.rest()]
        return self._pieces([*said, Said(self._stops.rest(), thinking=False)])

    def _until_stopped(self, bit: Said) -> Said:
        return bit if bit.thinking else Said(self._stops.add(bit.text), thinking=False)

    def _pieces(self, said: list[Said]) -> list[Piece]:
        """Each with the tokens since the piece before it; a token whose text is torn apart counts for both."""
        pieces: list[Piece] = []
        for text, thinking in said:
            if text:
                pieces.append(Piece(text, max(1, self._tokens - self._told), thinking=thinking))
                self._told = self._tokens
        return pieces
