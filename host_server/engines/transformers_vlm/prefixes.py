"""What is remembered of earlier prompts and answers, so that the next question about a picture begins where it differs.

A tree: questions about one picture share its branch, turns of one conversation lie on one path.

```
 «system» ▓picture a▓ ─┬─ «What colour is it?» «blue»  ─── «And the size?» …
                       └─ «Which city?» …
```
The way down is a key with an element for each token. For a token of a picture that is the picture's digest: token ids
do not tell two pictures of one size apart, and one must never be answered from the other.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Generic, Protocol, Self, TypeVar

from host_server.engines.transformers_vlm.request import Request

__all__ = ["PrefixTree", "Sliceable", "key_of"]

Key = tuple[Hashable, ...]


class Sliceable(Protocol):
    """What is remembered for consecutive tokens: `kept.Kept`."""

    @property
    def nbytes(self) -> int:
        """Bytes of these tokens."""
        ...

    def part(self, start: int, end: int) -> Self:
        """Some of the tokens, sharing the memory."""
        ...

    def copy(self) -> Self:
        """The same in memory of its own."""
        ...


_T = TypeVar("_T", bound=Sliceable)


def key_of(request: Request, image_token: int, answer: Sequence[int] = ()) -> Key:
    """The way to a prompt, and to what was answered.

    Where pictures are not one unbroken run of tokens each, as with tiles, all of them stand for each. Everybody who
    asks has a tree of their own: how much of a prompt is known is told, and would tell what others have asked.
    """
    runs = [list(run) for _, run in groupby((*request.ids, *answer), key=lambda token: token == image_token)]
    pictured = [index for index, run in enumerate(runs) if run[0] == image_token]
    one_each = len(pictured) == len(request.pictures)
    digests = dict(zip(pictured, request.pictures, strict=True)) if one_each else {}
    key: list[Hashable] = []
    for index, run in enumerate(runs):
        if run[0] == image_token:
            key += [digests.get(index, request.pictures)] * len(run)
        else:
            key += run
    return ((request.asker, key[0]), *key[1:])


@dataclass(slots=True, eq=False)
class _Node(Generic[_T]):
    """A stretch of tokens, and what may follow it by the first element of its key."""

    key: Key
    kept: _T
    parent: "_Node[_T] | None"
    used: int = 0
    children: dict[Hashable, "_Node[_T]"] = field(default_factory=dict)


class PrefixTree(Generic[_T]):
    """Bounded by bytes; what was used longest ago is forgotten first, ends before what they follow."""

    def __init__(self) -> None:
        self._first: dict[Hashable, _Node[_T]] = {}
        self._clock = 0
        self.nbytes = 0

    def find(self, key: Key) -> tuple[int, list[_T]]:
        """How many elements of the key are known, and what is kept of them, in order."""
        self._clock += 1
        parts: list[_T] = []
        length = 0
        for node, common in self._walk(key):
            node.used = self._clock
            parts.append(node.kept if common == len(node.key) else node.kept.part(0, common))
            length += common
        return length, parts

    def keep(self, key: Key, kept: _T, limit: int) -> None:
        """Remember what belongs to a whole key; only what is new of it is copied. `limit` in bytes, for everything."""
        self._clock += 1
        parent: _Node[_T] | None = None
        length = 0
        for node, common in list(self._walk(key)):
            if common < len(node.key) and length + common < len(key):
                _split(node, common)
            node.used = self._clock
            parent = node
            length += common
        if length == len(key):
            return
        new = kept.part(length, len(key))
        if new.nbytes <= limit:
            leaf: _Node[_T] = _Node(key[length:], new.copy(), parent, self._clock)
            self._children(parent)[leaf.key[0]] = leaf
            self.nbytes += leaf.kept.nbytes
        self.shrink(limit)

    def shrink(self, limit: int) -> None:
        """Forget until no more than so many bytes are kept."""
        while self.nbytes > limit:
            oldest = min((node for node in self._all() if not node.children), key=lambda node: node.used)
            del self._children(oldest.parent)[oldest.key[0]]
            self.nbytes -= oldest.kept.nbytes

    def _children(self, node: _Node[_T] | None) -> dict[Hashable, _Node[_T]]:
        return self._first if node is None else node.children

    def _walk(self, key: Key) -> Iterator[tuple[_Node[_T], int]]:
        """The nodes along a key, each with how many of its elements are the key's; the last may be known in part."""
        place = 0
        children = self._first
        while place < len(key) and (node := children.get(key[place])) is not None:
            common = _common(node.key, key[place : place + len(node.key)])
            yield node, common
            if common < len(node.key):
                return
            place += common
            children = node.children

    def _all(self) -> Iterator[_Node[_T]]:
        stack = list(self._first.values())
        while stack:
            node = stack.pop()
            yield node
            stack += node.children.values()


def _split(node: _Node[_T], length: int) -> None:
    """Make two of a node. Each gets memory of its own: what is forgotten must be freed."""
    tail = _Node(node.key[length:], node.kept.part(length, len(node.key)).copy(), node, node.used, node.children)
    for child in tail.children.values():
        child.parent = tail
    node.key, node.kept, node.children = node.key[:length], node.kept.part(0, length).copy(), {tail.key[0]: tail}


def _common(left: Key, right: Key) -> int:
    """How many elements two keys begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
