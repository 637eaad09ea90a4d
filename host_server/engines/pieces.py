"""Cut a finished text into the pieces that an engine without a tokenizer streams and counts."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from host_server.engines.base import Piece

__all__ = ["pieces"]

# White space travels with the word behind it; Chinese, Japanese and Korean go character by character; what has no
# spaces at all (a link, a hash) goes in bits of 24.
_PIECE: Final = re.compile(
    r"\s*[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]"
    r"|\s*[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]{1,24}|\s+"
)


def pieces(text: str, limit: int | None = None, *, stop: Iterable[str] = ()) -> Iterator[Piece]:
    """Yield `text` word by word, one token each, up to the first `stop` in it.

    With a limit the last piece allowed says when more would have come.
    """
    stops = [(at + len(each), at) for each in stop if (at := text.find(each)) >= 0]
    if stops:
        text = text[: min(stops)[1]]  # the first that is complete, as if it had come word by word
    found = list(_PIECE.finditer(text))
    kept = found if limit is None else found[:limit]
    for number, match in enumerate(kept, 1):
        yield Piece(match.group(), cut=number == len(kept) < len(found))
