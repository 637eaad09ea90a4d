"""An engine in a process of its own, so that nothing a model does can stop the host.

```
 host: ProcessEngine ── Link ──frames over two pipes──► child: serve ─► the engine itself, at nice 10
              │           └─ watchdog: silent or stalled ► killed
              └─ lost() ─► whoever owns the engine warms it up again, with pauses (service.EngineRoom)
```
The frames are JSON with raw bytes behind it, bounded in both directions; nothing is ever unpickled. The child decodes
hostile pictures, so what it sends is checked like anything else from outside.
"""
