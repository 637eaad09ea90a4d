"""The host's refusals in the words of the wire's table."""

from bridge.errors import QuestionRefused
from host_server.wire.errors import CODES, WireError

__all__ = ["wire_error"]


def wire_error(refused: QuestionRefused) -> WireError:
    """What we do not know is the host's own affair."""
    code = str(refused.fields.get("code"))
    wait = refused.fields.get("retry_after_ms")
    return WireError(code if code in CODES else "upstream_error", refused.message, retry_after_ms=wait)
