"""Let the memory of a decoded picture go back to the system as soon as the picture is gone."""

import ctypes
import sys
from typing import Final

__all__ = ["give_back_what_is_freed"]

_MMAP_THRESHOLD: Final = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_BLOCK: Final = 1024 * 1024


def give_back_what_is_freed() -> None:
    """Keep glibc from hoarding large blocks; elsewhere there is nothing to do.

    By default it learns from the first large picture that large blocks are common, and from then on each thread keeps
    its freed ones: 400 MB after a burst of pictures of which none needs more than 230. One call for the process.
    """
    if sys.platform == "linux":
        tune = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, and does not hoard
        if tune is not None:
            tune(_MMAP_THRESHOLD, _BLOCK)
