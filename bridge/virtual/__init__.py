"""The door to the virtual phone: the only package of the bridge that knows it.

```
demo ──► private adb server (Google's own) ──TCP──► virtual_phone ──► what it photographs (scenes)
  │                                                     │ am start VIEW
  └──► supervise.Connection, as for a real phone        └──► page_client: reads the answer through the phone's own port
```
"""
