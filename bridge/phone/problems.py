"""What a question ended with that is no answer, as an error for people: the exit code, and the next step."""

from collections.abc import Mapping
from typing import Any, Final

from bridge.errors import BridgeError, HostUnavailable, QuestionRefused

__all__ = ["problem_of"]

_UNAVAILABLE: Final = {
    "engine_unavailable": "see `bridge status`; `bridge serve` starts a host by hand",
    "engine_restarted": "ask again",
    "engine_oom": "ask again, or with a smaller picture",
    "upstream_error": "`bridge doctor --upstream URL --model MODEL` names what is wrong with that server",
    "model_not_found": "choose one of those with --model",
}
_REFUSED: Final = {
    "output_invalid": "what the model said is kept as it is; another --model may keep to the schema, or ask in words",
}
_GOOD: Final = frozenset({"completed", "incomplete"})


def problem_of(event: Mapping[str, Any]) -> BridgeError | None:
    """What a session's `answer` or `error` event means for whoever asked; None for an answer that can be read."""
    if event["event"] not in {"answer", "error"} or event.get("status") in _GOOD:
        return None
    reason = event.get("error") or event
    code = reason.get("reason") or reason.get("code") or event.get("status", "")
    message = reason.get("message") or f"the answer ended as {event.get('status', 'an error')}"
    if code in _UNAVAILABLE:
        return HostUnavailable(message, hint=_UNAVAILABLE[code], code=code)
    hint = _REFUSED.get(code, "another picture or question may be accepted")
    return QuestionRefused(message, hint=hint, code=code)
