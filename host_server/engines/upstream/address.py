"""Where an upstream is: the URL that people have, made the base below which its endpoints are. Pure."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from host_server.engines.base import UnknownEngineError

__all__ = ["Address", "parse"]

_LAST_PORT: Final = 65535
# Written out: no user, query or odd character, which one library would read in another way than the next.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
_ENDPOINT: Final = "/chat/completions"
_VERSION: Final = re.compile(r"/v[0-9][A-Za-z0-9]*(?:/|$)")
_LOCAL_NAMES: Final = (".local", ".lan", ".internal", ".home.arpa", ".localhost")


@dataclass(frozen=True, slots=True)
class Address:
    """A base such as `http://127.0.0.1:8000/v1`, below which `/chat/completions` is."""

    base: str
    loopback: bool
    """It can only mean this machine: no proxy is asked the way."""
    readable: bool
    """Key and pictures go over a network that others may read along on."""


def parse(url: str) -> Address:
    """The address that `url` means: a path without a version gets `/v1`, one with it stays, an endpoint is cut off.

    Plain http goes to this machine and to private networks only. Raises `UnknownEngineError`.
    """
    if url.startswith("adb:"):
        raise UnknownEngineError(
            "The host knows no phones: it cannot reach a port of one.",
            hint="`bridge serve --upstream adb:SERIAL:PORT`, on the machine the phone is plugged into, makes the way",
        )
    match = _URL.fullmatch(url)
    if match is None or not 0 < int(match["port"] or 80) <= _LAST_PORT:
        raise UnknownEngineError(
            "One of the upstreams is no address of a server.",  # unsaid: a password may stand in it
            hint="write for example http://127.0.0.1:8000/v1; a key goes into a variable, see --upstream-key-env",
        )
    name = match["name"].strip("[]").lower()
    loopback, private = _reach(name)
    if match["scheme"] == "http" and not private:
        raise UnknownEngineError(
            f"http://{name} would send every picture readable over the internet.", hint="use https, or an SSH tunnel"
        )
    path = match["path"].removesuffix(_ENDPOINT)
    base = url[: match.start("path")] + (path if _VERSION.search(path) else f"{path}/v1")
    return Address(base, loopback, readable=match["scheme"] == "http" and not loopback)


def _reach(name: str) -> tuple[bool, bool]:
    """Whether a name means this machine, and whether it means a place in a private network."""
    try:
        address = ip_address(name)
    except ValueError:
        loopback = name == "localhost" or name.endswith(".localhost")
        # A name without a dot is one of a container network or of the office.
        return loopback, loopback or "." not in name or name.endswith(_LOCAL_NAMES)
    return address.is_loopback, address.is_private and not address.is_unspecified
