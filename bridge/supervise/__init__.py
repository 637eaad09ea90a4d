"""Keeps one phone connected: what `bridge connect` does between its first line and Ctrl-C.

```
 devices (track-devices-l) ─┐                      ┌─► open transport ─► reverse ─► page ─► camera folder
 adb server gone / back ────┼─► core (pure) ───────┤
 reverse list, page hello ──┘   events ► commands  └─► tell session, terminal and page what is wrong and what to do
```
`core` decides, `runner` does; `lease` holds the phone against a second `connect`, `host` finds or starts the host,
`tunnels` remembers what was made so that a crash leaves nothing behind for long.
"""
