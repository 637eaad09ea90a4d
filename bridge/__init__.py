"""lensbridge on the laptop: it owns the phones and asks the host.

```
 cli ──► virtual (demo) ──► supervise ──► front ──► session ──► captures ──► spool, client ──► adb
          │                  keeps one     the page   questions   pictures     journal, host     one phone:
          └─ virtual_phone   phone up      on the     and         from the     connection        ten verbs with
                                           phone      answers     phone                          deadlines
```
Imports go from left to right only. The cores in `session`, `supervise` and `captures` are pure.
Of the host the bridge knows `host_server.wire`, the contract; of adb only `bridge.adb` knows anything.

For programs there is the Python face, loaded when it is first used: `from bridge import connect`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.phone.face import (
        Answer,
        AnswerStream,
        AsyncAnswerStream,
        AsyncPhone,
        Capture,
        Phone,
        connect,
        connect_async,
    )

__all__ = [
    "Answer",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncPhone",
    "Capture",
    "Phone",
    "connect",
    "connect_async",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bridge' has no attribute {name!r}")
    from bridge.phone import face

    return getattr(face, name)
