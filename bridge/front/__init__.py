"""The phone's own small web server on the laptop: the page, its link, its socket, and what it may ask of the host.

```
 phone's localhost:8017 ══ adb reverse ══► 127.0.0.1:<port of this phone>
   every request ─► gate: Host ► Origin ► token, but for the page's files, /link, /healthz
                      ├─ /                 page files           (app_dir, no token: there is no secret in them)
                      ├─ POST /link        code ► page token    (links, pure: single use, 60 s; token 24 h)
                      ├─ WS /v1/responses  socket ► session     (never straight to the host)
                      ├─ /v1/captures/…    this phone's pictures from the spool
                      ├─ /v1/…             passed on to the host with the bridge's key (forward)
                      └─ /status           for `bridge status` of the same user: control token
```
Each phone has a front of its own, so a token of one is worth nothing at another, and the browser never holds a token of
the host.
"""

from bridge.front.server import Front

__all__ = ["Front"]
