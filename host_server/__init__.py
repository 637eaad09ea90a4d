"""The service that answers questions about pictures. It knows nothing of phones; any OpenAI client can ask it.

```
 cli ─► launch ─► api ─────────► service ─────────► engines      speak
                  HTTP, WebSocket  a question's way   imaging      check, prepare
                  gate             one task an answer store        blobs
                                                      security     tokens
                                                      observe      log
                                                         core      decisions, pure
                                                         wire      the contract with clients
```
Arrows point the way imports go, never back. This module imports nothing, so that `host_server.wire` stays cheap for the
programs that only talk to a host.
"""
