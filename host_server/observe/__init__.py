"""What the host says about itself: one log, on stderr, without a secret and without a word of anybody's question.

`redact` masks what looks like a token, `terminal` makes a line for eyes (both pure); `logging` configures structlog
over the standard library, so that lines of uvicorn and other libraries pass the same mask.
"""
