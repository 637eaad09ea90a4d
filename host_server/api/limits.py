"""How long the host waits for a client, and how many of them it takes; each number has a reason to be finite."""

from dataclasses import dataclass

__all__ = ["ApiLimits"]


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """A client that takes nothing has lost its seat after `send_s`, or `ping_s + pong_s` when little is sent to it."""

    head_s: float = 10.0
    """For the head of a request, from its connection or its first byte on."""
    body_idle_s: float = 30.0
    """For the next piece of a body."""
    body_s: float = 600.0
    """For a whole body."""
    send_s: float = 10.0
    """For a client to take what it is sent."""
    ping_s: float = 5.0
    pong_s: float = 8.0
    ack_s: float = 10.0
    """For a client that acknowledges what it has read (`bridge:ack`) to do so again."""
    connections: int = 512
    """At once, so that files can still be opened: a process may have a thousand or so of both."""
    silent_connections: int = 128
    """Of those, how many may be at no request: anybody can open one, without a token."""
    sockets: int = 256
    """WebSockets at once."""
