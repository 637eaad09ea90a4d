"""Where a request says it goes and where it comes from, and where a host may listen: pure checks.

A page of a stranger can reach loopback through the user's browser. Two things betray it: the Host header, when a
stranger's name was bent to 127.0.0.1 (DNS rebinding), and the Origin header.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

__all__ = ["host_allowed", "is_loopback", "origin_allowed", "split_host"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


def split_host(value: str) -> tuple[str, int | None] | None:
    """Name and port of a Host header, the name in lower case and without brackets; None when it makes no sense."""
    if not value or any(character in value for character in "/\\@?# \t"):
        return None
    try:
        parts = urlsplit(f"//{value}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (name, port) if name else None


def is_loopback(name: str) -> bool:
    """Whether this name or address can only mean this machine."""
    address = _address(name)
    return name == "localhost" if address is None else address.is_loopback


def host_allowed(value: str, *, names: Collection[str], server: str | None) -> bool:
    """Whether a request for this Host is meant for us: loopback, a configured name, or the address it arrived at."""
    parsed = split_host(value)
    if parsed is None:
        return False
    name, _ = parsed
    if is_loopback(name) or name in names:
        return True
    address = _address(name)
    return address is not None and server is not None and address == _address(server)


def origin_allowed(origin: str, *, host: str, scheme: str) -> bool:
    """Whether a page of this origin may talk to us: only one that came from where its request goes."""
    try:
        parts = urlsplit(origin)
        name, port = parts.hostname, parts.port
    except ValueError:
        return False
    parsed = split_host(host)
    if parsed is None or name is None or parts.scheme not in _DEFAULT_PORTS or parts.path not in {"", "/"}:
        return False
    ours = "https" if scheme in {"https", "wss"} else "http"
    if parts.scheme != ours:
        return False
    default = _DEFAULT_PORTS[ours]
    return (name, port or default) == (parsed[0], parsed[1] or default)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
