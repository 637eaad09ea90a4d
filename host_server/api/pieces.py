"""A response goes out in pieces, so that a client that reads slowly, or not at all, has one of them in memory."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Send

__all__ = ["in_pieces"]

_PIECE = 64 * 1024


def in_pieces(send: "Send") -> "Send":
    """ASGI's `send` of an HTTP request, which waits after each piece of a large body until it is taken."""

    async def pieces(message: "Message") -> None:
        body = message.get("body", b"")
        last = max(0, len(body) - 1) // _PIECE * _PIECE
        for start in range(0, last, _PIECE):
            await send({**message, "body": body[start : start + _PIECE], "more_body": True})
        await send({**message, "body": body[last:]} if last else message)

    return pieces
