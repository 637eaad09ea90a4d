"""What one question has received from the host, over as many connections as it took. Pure."""

from collections.abc import Mapping
from typing import Any

from bridge.client.lost import closing_events
from host_server.wire.errors import WireError
from host_server.wire.log import AnswerLog, LogError

__all__ = ["Lane"]

_LOG_BYTES = 2 * 1024 * 1024


class Lane:
    """A question of ours on its `stream_id`. Ends with a terminal event in the log, or with an `error` before that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log = AnswerLog(limit=_LOG_BYTES)
        self.response_id: str | None = None
        self.error: Mapping[str, Any] | None = None
        self.cancelled = False

    @property
    def running(self) -> bool:
        """Whether the host has accepted the question and not ended the answer."""
        return self.response_id is not None and self.log.terminal is None

    def take(self, event: Mapping[str, Any]) -> None:
        """One event of this lane; what cannot be is left out, and so is text beyond the log's limit."""
        event = {key: value for key, value in event.items() if key != "stream_id"}
        if event.get("type") == "error":
            self._refused(event)
            return
        if self.response_id is None:
            response = event.get("response")
            name = response.get("id") if isinstance(response, Mapping) else None
            if event.get("type") != "response.created" or not isinstance(name, str):
                return
            self.response_id = name
        if event.get("response_id", self.response_id) != self.response_id:
            return
        try:
            self.log.append(event)
        except LogError:
            return

    def resume_point(self) -> dict[str, Any]:
        """Where a new connection has to go on."""
        return {"id": self.response_id, "starting_after": self.log.last, "stream_id": self.name}

    def lose(self, code: str, *, forgotten: bool = False) -> None:
        """The running answer cannot be had any more: end it here. `forgotten`: its host knows nothing of it."""
        if not self.running:
            return
        error = WireError(code, "The host lost this answer.")
        for event in closing_events(self.log, error, forgotten=forgotten):
            self.log.append(event)

    def _refused(self, event: Mapping[str, Any]) -> None:
        error = event.get("error")
        error = error if isinstance(error, Mapping) else {}
        if self.response_id is None:
            self.error = {**error, "status": event.get("status")}
        elif error.get("code") == "response_not_found":
            self.lose("engine_restarted", forgotten=True)
        else:
            self.lose("engine_unavailable")
