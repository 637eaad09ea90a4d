"""The engine `upstream`: somebody else's OpenAI-compatible server answers, one or a list of the same.

```
engine ── question ─► which replica? ──────────► body ─► replica ── POST …/chat/completions ──► vLLM, SGLang, Ollama,
  │                   rendezvous (same picture,            │                                    llama.cpp, a cloud,
  │                   same replica) · health               │                                    another lensbridge host
  └◄─ Piece ◄──────── transcript ◄──── events ◄────────────┴─ bytes
                                       refusals ─► again, without what it refuses   faults ─► what a person is told
```
`address`, `rendezvous`, `health`, `body`, `refusals`, `events`, `transcript` and `faults` are pure: no socket, no
clock. `replica` has the HTTP client of one server, `gate` the waits that end when the engine is closed, `engine` the
lanes, the choice and the failover. `check` asks an upstream about one picture and says what is wrong with it, for
`bridge doctor --upstream`, which runs `python -m host_server.engines.upstream`.

Everything an upstream sends is bounded, nothing it says about a failure is shown to whoever asked, and it never learns
whose question it is.
"""
