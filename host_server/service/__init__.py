"""The way of a question, without a word of HTTP.

```
 ask ─► draining? known key? ─► admission: seat, queue or refusal ─► pictures are here? ─► created
                                                                                              │ a task of its own
                    record ◄─ terminal event ◄─ engine: pieces ◄─ in_progress ◄─ seat ◄─ prepare ◄┘ soon its turn
 follow ─► every event of an answer from any cursor, as often as anybody likes
```
An answer belongs to the service, not to the connection that asked: a lost connection leaves it running for a grace
time, `cancel` stops it. Whatever happens, each accepted question gets exactly one terminal event.
"""

from host_server.service.answer import Answer
from host_server.service.engines import EngineRoom
from host_server.service.keeper import Care
from host_server.service.limits import Limits
from host_server.service.pictures import Pictures
from host_server.service.service import Service

__all__ = ["Answer", "Care", "EngineRoom", "Limits", "Pictures", "Service"]
