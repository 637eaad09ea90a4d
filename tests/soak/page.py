"""The phone's browser through all deaths of the laptop's side: one tab, its cursors, and every event it was sent."""

from collections import defaultdict
from typing import Any

from bridge.virtual.page_client import PageClient
from virtual_phone import VirtualPhone

__all__ = ["Page"]


class Page:
    """`history` holds the `response.*` events of each answer in the order in which they came."""

    def __init__(self, phone: VirtualPhone) -> None:
        self._phone = phone
        self._client: PageClient | None = None
        self.history: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.questions: dict[str, dict[str, Any]] = {}
        self.lost: set[str] = set()

    @property
    def linked(self) -> bool:
        """Whether it holds a socket now."""
        return self._client is not None and self._client.linked.is_set()

    async def open(self, url: str) -> None:
        """What `am start` opened: it replaces what the tab showed, and knows what the tab knew."""
        if self._client is None:
            self._client = PageClient(self._phone.loopback, self._see)
        await self._client.open(url)

    def _see(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "bridge:question":
            self.questions[message["response_id"]] = message
        elif kind.startswith("response.") and "response_id" in message:
            history = self.history[message["response_id"]]
            if not history or message["sequence_number"] > history[-1]["sequence_number"]:  # as the real page does
                history.append(message)
        elif kind == "error" and message["error"]["code"] == "response_not_found":
            self.lost.add(str(message["error"]["param"]))
