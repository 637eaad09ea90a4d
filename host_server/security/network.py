"""Where a request says it goes and where it comes from, and where a host may listen: pure checks.

A page of a stranger can reach loopback through the user's browser. Three things betray it: the Host header, when a
stranger's name was bent to 127.0.0.1 (DNS rebinding), the Origin header, and Sec-Fetch-Site, which browsers also send
where they send no Origin: with a picture, a script or a link.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["host_allowed", "is_loopback", "origin_allowed", "site_allowed", "split_host"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LAST_PORT = 65535
# Written out, because a library that is kind to odd addresses reads `[::1].evil` as `::1`.
_HOST = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<v6>[0-9A-Fa-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?", re.ASCII)


def split_host(value: str) -> tuple[str, int | None] | None:
    """Name and port of a Host header, the name in lower case and without brackets; None when it makes no sense."""
    match = _HOST.fullmatch(value)
    if match is None or int(match["port"] or 0) > _LAST_PORT:
        return None
    return (match["v6"] or match["name"]).lower(), int(match["port"]) if match["port"] else None


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
    ours = "https" if scheme in {"https", "wss"} else "http"
    theirs, _, place = origin.partition("://")
    here, there = split_host(host), split_host(place)
    if here is None or there is None or theirs.lower() != ours:
        return False
    default = _DEFAULT_PORTS[ours]
    return (there[0], there[1] or default) == (here[0], here[1] or default)


def site_allowed(site: str) -> bool:
    """Whether a browser that says `Sec-Fetch-Site: …` has a page of ours, or its user, behind the request.

    Another port of this machine is "same-site": a stranger to us.
    """
    return site in {"same-origin", "none"}


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
