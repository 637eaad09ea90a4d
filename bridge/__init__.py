"""lensbridge on the laptop: it owns the phones and asks the host.

```
 cli ──► virtual (demo) ──► supervise ──► front ──► session ──► captures ──► spool, client ──► adb
          │                  keeps one     the page   questions   pictures     journal, host     one phone:
          └─ virtual_phone   phone up      on the     and         from the     connection        ten verbs with
                                           phone      answers     phone                          deadlines
```
Imports go from left to right only. The cores in `session`, `supervise` and `captures` are pure.
Of the host the bridge knows `host_server.wire`, the contract; of adb only `bridge.adb` knows anything.
"""
