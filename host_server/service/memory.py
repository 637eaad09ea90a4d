"""What was answered before: which questions may be answered from it, and what is kept of an answer."""

from collections.abc import Callable
from typing import Literal

from host_server.core.answer_cache import AnswerCache, CachedAnswer, cache_key
from host_server.engines.base import EngineInfo
from host_server.service.asked import Asked
from host_server.wire.request import ResponseCreate

__all__ = ["Memory", "Place"]


class Place:
    """One question's place in the memory. `cache` is what its metrics say: `off`, `miss` or `hit`."""

    def __init__(
        self,
        find: Callable[[], CachedAnswer | None],
        keep: Callable[[CachedAnswer], None],
        forget: Callable[[], None],
    ) -> None:
        self.cache: Literal["off", "miss", "hit"] = "miss"
        self._find = find
        self._keep = keep
        self._forget = forget

    @classmethod
    def off(cls) -> "Place":
        """A question that is not looked up, and whose answer is not kept."""
        place = cls(lambda: None, lambda _answer: None, lambda: None)
        place.cache = "off"
        return place

    def find(self) -> CachedAnswer | None:
        """The answer, when it is known."""
        known = self._find()
        if known is not None:
            self.cache = "hit"
        return known

    def keep(self, answer: CachedAnswer) -> None:
        """The engine has said this, to the end, and nothing was taken from it."""
        self._keep(answer)

    def forget(self) -> None:
        """The answer was deleted: it is not said again."""
        self._forget()


class Memory:
    """The answer cache with the rules for its use."""

    def __init__(self, cache: AnswerCache, *, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._clock = clock

    def place(self, principal: str, info: EngineInfo, create: ResponseCreate, asked: Asked) -> Place:
        """Where this question belongs.

        Nowhere, when its answer may differ the next time, is not to be stored, or somebody wants it fresh.
        """
        fresh = (create.metadata or {}).get("cache") == "off" or create.generate is False or create.store is False
        if fresh or create.temperature or not (info.repeats and self._cache.on):
            return Place.off()
        question, pictures = asked.question, asked.pictures
        key = cache_key(
            principal,
            engine=(info.name, info.model, info.max_side),
            pictures=pictures,
            text=question.text,
            system=question.system,
            history=question.history,
            max_output_tokens=question.max_output_tokens,
            stop=question.stop,
            thinking=question.thinking,
            form=question.form,
        )

        def find() -> CachedAnswer | None:
            return self._cache.find(key, now=self._clock())

        def keep(answer: CachedAnswer) -> None:
            self._cache.remember(key, answer, principal=principal, pictures=pictures, now=self._clock())

        return Place(find, keep, lambda: self._cache.forget(key))

    def forget(self, principal: str, sha256: str) -> None:
        """A picture was deleted: what was said about it goes too."""
        self._cache.forget_picture(principal, sha256)
