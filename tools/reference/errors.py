"""errors.md: exit codes of the commands and codes of the wire, each read from the table that decides it."""

import inspect

from bridge import errors
from host_server.wire.errors import CODES
from tools.reference.table import table

__all__ = ["errors_page"]

_EXITS = """# Errors

## Exit codes

Every error is one line `error: …` and one line `hint: …` on stderr; with `--json` it is one object with `message`,
`hint` and `exit_code`.
"""
_WIRE = """
## Codes of the wire

Before an answer exists: an HTTP status, or an `error` event on a WebSocket. After `response.created`: only
`response.failed`, whose `error.code` is OpenAI's closed enum and whose `error.reason` is ours. Clients branch on
`code` (or `reason`) and retry when `retryable` says so, with the same `idempotency_key`.
"""


def errors_page() -> str:
    """The whole page."""
    classes = [getattr(errors, name) for name in errors.__all__ if inspect.isclass(getattr(errors, name))]
    meanings = {kind.exit_code: (f"`{kind.__name__}`", inspect.getdoc(kind) or "") for kind in classes}
    meanings |= {code: ("", text) for code, text in errors.OTHER_EXITS.items()}
    exits = table(("code", "`bridge.errors`", "what"), [(str(code), *meanings[code]) for code in sorted(meanings)])
    wire = table(
        ("code", "type", "HTTP", "retryable", "`error.code` in `response.failed`"),
        [
            (
                f"`{code}`",
                row.type,
                str(row.status),
                "yes" if row.retryable else "no",
                f"`{row.response_code}`",
            )
            for code, row in CODES.items()
        ],
    )
    return _EXITS + "\n" + exits + _WIRE + "\n" + wire
