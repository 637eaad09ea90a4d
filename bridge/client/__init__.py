"""The bridge's own connection to the host: one WebSocket for all phones, HTTP for pictures.

```
 locate() ─► connect ─► bridge:session.ready ─► one reader ─► lanes (one a question, pure) ─► ask() of each phone
    ▲                                              │ cut
    └────── back-off 0.1 … 2 s, with jitter ◄──────┘   accepted questions are resumed, others raise HostUnavailable
```
`HostClient` keeps the connection, `Lane` what one question has received, `http` carries pictures, `lost` ends the
answer that nobody knows any more. `locate` says anew for each attempt where the host is and with which token: it may
have moved.
"""

from bridge.client.connection import HostClient
from bridge.client.http import HostHttp
from bridge.client.state import HostState, Locate, fixed

__all__ = ["HostClient", "HostHttp", "HostState", "Locate", "fixed"]
