"""The same question sent twice is one question: after a lost connection a client may simply send again.

A key belongs to one principal and to one body; it is known as long as its answer is.
"""

__all__ = ["KeyReusedError", "Keys"]


class KeyReusedError(Exception):
    """The key was used before, with another body."""


class Keys:
    """Key and body of each known answer that was asked for with a key."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[str, str]] = {}
        self._keys: dict[str, tuple[str, str]] = {}

    def find(self, principal: str, key: str, digest: str) -> str | None:
        """The answer to this very question, if it was asked before. Raises `KeyReusedError`."""
        known = self._answers.get((principal, key))
        if known is None:
            return None
        answer, known_digest = known
        if known_digest != digest:
            raise KeyReusedError
        return answer

    def remember(self, principal: str, key: str, digest: str, answer: str) -> None:
        """This answer belongs to this key from now on."""
        self._answers[principal, key] = (answer, digest)
        self._keys[answer] = (principal, key)

    def forget(self, answer: str) -> None:
        """The answer is not known any more; neither is its key."""
        key = self._keys.pop(answer, None)
        if key is not None:
            del self._answers[key]
