"""Phones, as the real adb server shows them: found, followed, and spoken to with a deadline on everything.

```
 server.py ─── which adb server, which adb binary; starts one, never kills one
 devices.py ── the list, and choosing from it        track.py ── the list as it changes; a new transport_id is a replug
     │            (choose.py does both)
 open.py ────► AdbTransport (transport.py is the contract, phone_transport.py the adb one)
                 ├── channel.py   one kept shell for short commands      ┐ shell.py: streams, one command each
                 ├── shell.py     long-lived commands, line by line      ┘ packets.py: the pure shell v2 parser
                 │     └── plain_shell.py where the daemon has only `exec:` or `shell:` · output.py limits and lines
                 ├── files.py     stat, list, pull, push: one kept sync connection in one worker thread
                 │     └── sync.py the blocking reader · pulling.py hash, disk · sync_wire.py the pure parsers
                 └── tunnels.py   reverse, matched by port
 below all: smartsocket.py (one socket to the server) · deadlines.py · faults.py (adb's words ► our errors) · quoting.py
```
This package alone knows adbutils: its bundled adb binary, and its client for what is asked once in a while
(`network.py`). What is asked often, or keeps talking, has its own readers; `docs/decisions/0002-our-own-adb-readers.md`
says why and at which price.
"""
