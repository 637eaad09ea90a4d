"""End an answer at the first of the texts that the client named, which is then not part of it. Pure."""

from collections.abc import Iterable

from host_server.engines.transformers_vlm.marks import unfinished

__all__ = ["Stops"]


class Stops:
    """Give it the text as it comes with `add`, then `rest`. Text that may become a stop is held back until it is known.

    The answer ends as soon as any stop is complete; of several that are complete with the same character, the longest
    counts. So it does not matter in which bits the text comes.
    """

    def __init__(self, stops: Iterable[str] = ()) -> None:
        self.hit = False
        """Whether a stop has come: nothing more is said."""
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""

    def add(self, text: str) -> str:
        """The next text; gives what is certainly part of the answer."""
        if self.hit:
            return ""
        text, self._held = self._held + text, ""
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.hit = True
            return text[: min(found)[1]]
        kept = len(text) - unfinished(text, self._stops)
        self._held = text[kept:]
        return text[:kept]

    def rest(self) -> str:
        """Nothing more comes: what was held back was no stop."""
        held, self._held = self._held, ""
        return held
