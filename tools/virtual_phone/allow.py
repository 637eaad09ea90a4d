"""Which addresses the phone may open on the host: exactly those the host itself would accept.

Pure. An adb server that is asked by a phone for an address nobody configured ends itself, with all its devices. So this
keeps the very map the server keeps: it hears every `reverse:` request as it passes and follows it by the same rules,
among them that a second `tcp:0` replaces the first one's destination.
"""

__all__ = ["AllowList"]


class AllowList:
    """The destinations of `reverse:forward` on one connection, as the host remembers them."""

    def __init__(self) -> None:
        self._destinations: dict[str, str] = {}

    def heard(self, service: str) -> None:
        """A stream to this service was asked for; only `reverse:` ones change anything."""
        verb, colon, rest = service.partition(":")
        if verb != "reverse" or not colon:
            return
        if rest == "killforward-all":
            self._destinations.clear()
        elif rest.startswith("killforward:"):
            self._destinations.pop(rest.removeprefix("killforward:"), None)
        elif rest.startswith("forward:"):
            self._forward(rest.removeprefix("forward:"))

    def allows(self, destination: str) -> bool:
        """Whether a stream to this address of the host may be opened."""
        return destination in self._destinations.values()

    def clear(self) -> None:
        """The connection is gone, and what was configured on it."""
        self._destinations.clear()

    def _forward(self, spec: str) -> None:
        norebind = spec.startswith("norebind:")
        listen, semicolon, destination = spec.removeprefix("norebind:").partition(";")
        if semicolon and not (norebind and listen in self._destinations):
            self._destinations[listen] = destination
