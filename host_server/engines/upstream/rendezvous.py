"""Which replica answers about which picture: rendezvous hashing, so that each one's prefix cache stays warm. Pure.

Each replica gets a score for each key, and the best one has it; when one goes away only its own keys move, each to the
replica that was next for it, and when it is back they return. (Thaler and Ravishankar, "Using name-based mappings to
increase hit rates", 1998.) Scores come from a fixed hash: several hosts in front of the same replicas agree.
"""

import hashlib
from collections.abc import Sequence

__all__ = ["ranked"]


def ranked(key: str, names: Sequence[str]) -> list[int]:
    """The positions in `names`, best for `key` first."""
    return sorted(range(len(names)), key=lambda at: (_score(key, names[at]), at))


def _score(key: str, name: str) -> bytes:
    return hashlib.blake2b(f"{name}\0{key}".encode(errors="replace"), digest_size=8).digest()
