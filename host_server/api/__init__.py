"""The host on HTTP and WebSocket: one surface a file, each a thin shell around the service.

```
 every request ─► gate: Host ► Origin ► token (deny by default) ─► routes ─► service
                                                     responses  POST, GET, cancel, DELETE   event_stream (SSE)
                                                     chat       the same questions, the older API
                                                     socket     WebSocket, lanes
                                                     captures   PUT, HEAD, GET, DELETE
                                                     catalog    models, health
 errors: whatever goes wrong leaves in OpenAI's shape         server: uvicorn, drain, idle end, host.json
```
"""
