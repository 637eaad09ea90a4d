"""Any image-text-to-text model of transformers, batched, streamed, cancellable, with prefixes kept.

```
 question ─► prompt ─► Request ─► StepLoop: scheduler ─► prefill ─► batch, one token a step for every row
                                      ▲  one thread      │  ▲           │
                                      │                  ▼  │           ▼
                              Cancel ─┘            prefix cache      Token, Ended ─► speech ─► Piece, Piece, Piece
```
Stands on the standard library, torch, transformers, pillow and what `engines.base` promises; nothing else of the host.
"""
