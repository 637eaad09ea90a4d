"""What one question has received from the host, over as many connections as it took. Pure.

A host may be anybody's: what everything after this takes for granted of an event is looked at here, and how much there
is of it.
"""

from collections.abc import Mapping
from typing import Any

from bridge.client.lost import closing_events
from host_server.wire.codec import encode
from host_server.wire.errors import WireError
from host_server.wire.events import is_terminal
from host_server.wire.log import AnswerLog, LogError
from host_server.wire.output import TEXT_DELTAS

__all__ = ["Lane"]

_LOG_BYTES = 2 * 1024 * 1024
_BESIDE_BYTES = 8 * _LOG_BYTES  # of events that are no piece of text; the last ones repeat the text a few times
_PLACE = frozenset({"item_id", "output_index", "content_index"})
_WORDS = ("code", "reason", "message")
_TIMES = ("queue_time_ms", "preprocess_ms")


class Lane:
    """A question of ours on its `stream_id`. Ends with a terminal event in the log, or with an `error` before that."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log = AnswerLog(limit=_LOG_BYTES)
        self.response_id: str | None = None
        self.error: Mapping[str, Any] | None = None
        self.cancelled = False
        self._beside = 0

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
        if not (_sound(event) and self._fits(event)):
            if is_terminal(event):
                self.lose("upstream_error")
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

    def _fits(self, event: Mapping[str, Any]) -> bool:
        if event.get("type") not in TEXT_DELTAS:
            self._beside += len(encode(dict(event)))
        return self._beside <= _BESIDE_BYTES

    def _refused(self, event: Mapping[str, Any]) -> None:
        error = event.get("error")
        error = error if isinstance(error, Mapping) else {}
        if self.response_id is None:
            self.error = {**error, "status": event.get("status")}
        elif error.get("code") == "response_not_found":
            self.lose("engine_restarted", forgotten=True)
        else:
            self.lose("engine_unavailable")


def _sound(event: Mapping[str, Any]) -> bool:
    """Whether it has the form that is taken for granted of its kind."""
    match event.get("type"):
        case "response.output_item.added":
            return isinstance(event.get("item"), Mapping)
        case "response.content_part.added":
            return event.keys() >= _PLACE
        case _:
            return not is_terminal(event) or _sound_response(event.get("response"))


def _sound_response(response: object) -> bool:
    if not isinstance(response, Mapping) or not isinstance(response.get("status"), str):
        return False
    error, metrics = response.get("error") or {}, response.get("metrics") or {}
    if not isinstance(error, Mapping) or not isinstance(metrics, Mapping):
        return False
    words, times = [error.get(name) for name in _WORDS], [metrics.get(name) for name in _TIMES]
    return all(isinstance(word, str | None) for word in words) and all(isinstance(t, int | float | None) for t in times)
