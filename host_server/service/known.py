"""The answers that are known here: the running ones, and those that ended not long ago."""

import asyncio
from collections.abc import Iterator
from weakref import WeakValueDictionary

from host_server.core.idempotency import KeyReusedError, Keys
from host_server.core.shelf import Shelf
from host_server.service.answer import Answer
from host_server.service.limits import Limits
from host_server.wire.errors import WireError

__all__ = ["Known"]


class Known:
    """Answers by id and by idempotency key; the oldest ended ones are forgotten."""

    def __init__(self, limits: Limits) -> None:
        self._answers: dict[str, Answer] = {}
        self._shelf = Shelf(keep_s=limits.keep_s, max_answers=limits.keep_answers, max_bytes=limits.keep_bytes)
        self._keys = Keys()
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._answers.values())

    def get(self, answer_id: str) -> Answer | None:
        """Whoever asks."""
        return self._answers.get(answer_id)

    def find(self, principal: str, answer_id: str, *, connection: str | None = None) -> Answer:
        """A known answer of this principal. Raises `WireError`."""
        answer = self._answers.get(answer_id)
        if answer is None or not answer.visible(principal, connection):
            raise WireError("response_not_found", "No such answer is known here (any more).", param="response_id")
        return answer

    def add(self, answer: Answer) -> None:
        """One that has begun; `ended` must follow."""
        self._answers[answer.id] = answer

    def ended(self, answer: Answer, *, now: float) -> None:
        """It stays for a while, if it was not deleted meanwhile, and others go for it."""
        if answer.retryable:
            self._keys.forget(answer.id)  # asked again under the same key, it is taken again
        if answer.id in self._answers:
            self._forget(self._shelf.ended(answer.id, size=answer.size, now=now))

    def delete(self, answer: Answer) -> None:
        """At once."""
        self._shelf.remove(answer.id)
        self._forget([answer.id])

    def expire(self, *, now: float) -> None:
        """Forget those whose time is over."""
        self._forget(self._shelf.expire(now=now))

    # ---- the same question again

    def lock(self, principal: str, key: str) -> asyncio.Lock:
        """Held while a question with this key is taken, so that it is taken once."""
        return self._locks.setdefault((principal, key), asyncio.Lock())

    def by_key(self, principal: str, key: str, digest: str) -> Answer | None:
        """The answer to the question that was asked with this key. Raises `WireError` when that was another one.

        One that was stopped with its connection is none: who sends again after a loss wants to be answered.
        """
        try:
            known = self._keys.find(principal, key, digest)
        except KeyReusedError:
            message = "This idempotency key was used for another question."
            raise WireError("idempotency_key_reused", message, param="metadata.idempotency_key") from None
        if known is None:
            return None
        answer = self._answers[known]
        if answer.abandoned:
            self._keys.forget(known)
            return None
        return answer

    def remember_key(self, principal: str, key: str, digest: str, answer: Answer) -> None:
        """This question has this answer, as long as that is known."""
        if not answer.retryable:
            self._keys.remember(principal, key, digest, answer.id)

    def _forget(self, answers: list[str]) -> None:
        for answer_id in answers:
            self._answers.pop(answer_id, None)
            self._keys.forget(answer_id)
