"""Who sends a request, and under which key it may be sent again."""

from typing import TYPE_CHECKING

from host_server.api.gate import PRINCIPAL
from host_server.wire.errors import WireError

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["idempotency_key", "owner"]

_LONGEST_KEY = 512


def owner(request: "Request") -> str:
    """The principal that the gate let in."""
    name: str = request.scope[PRINCIPAL].id
    return name


def idempotency_key(request: "Request") -> str | None:
    """Under this key the same question is asked once. Raises `WireError`."""
    key = request.headers.get("idempotency-key") or None
    if key is not None and len(key) > _LONGEST_KEY:
        raise WireError("invalid_request", f"At most {_LONGEST_KEY} characters.", param="idempotency-key")
    return key
