"""The Python face: what `bridge ask` and `bridge capture` do, for programs.

```
 your program ──► face.py   the names, loaded when `bridge` is first asked for one
   ├── sync_phone.py   with connect() as phone ──► portal.py (the loop's thread) ──┐
   └── async_phone.py  async with connect_async() as phone ◄───────────────────────┘   the one implementation
                         ├── capture ──► bridge.captures                   a picture, safe in the spool
                         └── ask, stream ──► pictures.py (whatever is a picture ► a capture)
                                         ──► named.py    (a question, or a named prompt)
                                         ──► asking.py   (one session a question) ──► answer.py | problems.py
```
It needs no lease: a `bridge connect` on the same phone may go on beside it. All that goes wrong is a class of
`bridge.errors`, with the next step as `hint`. The commands share `named` and `problems`, so nothing is loaded here.
"""
