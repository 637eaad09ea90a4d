"""The Python face: what `bridge ask` and `bridge capture` do, for programs.

```
 your program
   ├── sync_phone.py   with connect() as phone ──► portal.py (the loop's thread) ──┐
   └── async_phone.py  async with connect_async() as phone ◄───────────────────────┘   the one implementation
                         ├── capture ──► bridge.captures                   a picture, safe in the spool
                         └── ask, stream ──► pictures.py (whatever is a picture ► a capture)
                                         ──► asking.py (one session a question) ──► answer.py | problems.py
```
It needs no lease: a `bridge connect` on the same phone may go on beside it. All that goes wrong is a class of
`bridge.errors`, with the next step as `hint`.
"""

from bridge.phone.answer import Answer
from bridge.phone.async_phone import AsyncAnswerStream, AsyncPhone, connect_async
from bridge.phone.pictures import Picture
from bridge.phone.sync_phone import AnswerStream, Phone, connect
from bridge.spool import Capture

__all__ = [
    "Answer",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncPhone",
    "Capture",
    "Phone",
    "Picture",
    "connect",
    "connect_async",
]
