"""HTTP as this package needs it: bounded answers, redirects with a rule, and errors in words.

A hub may send a client anywhere, so redirects are followed by hand: never from https down to http, never from the
network to an address of this machine or its neighbours, and the token goes to the hub's own origin alone.
"""

import json
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

import httpx

from host_server.checkpoints.errors import CheckpointError, TokenError
from host_server.security.network import is_loopback

__all__ = ["Body", "Interrupted", "Web", "check_endpoint"]

_MOST_HOPS: Final = 5
_TIMEOUT: Final = httpx.Timeout(10.0, connect=15.0)  # Ctrl-C waits for a silent hub so long
_MOST_JSON: Final = 32 * 1024 * 1024
_RANGE: Final = re.compile(r"bytes (\d{1,18})-\d{1,18}/(?:\d{1,18}|\*)")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class Interrupted(Exception):
    """It did not come, or not to its end, and may the next time."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a hub sends for a file."""

    start: int
    """Where in the file the first byte belongs; a hub may ignore what was asked for and send all of it."""
    chunks: Iterator[bytes]


class Web:
    """One hub's origin; use it as a context. Thread-safe, as httpx's client is."""

    def __init__(self, endpoint: str, *, token: str | None = None, version: str = "0") -> None:
        check_endpoint(endpoint)
        self.endpoint = endpoint.rstrip("/")
        self._token = token
        self._client = httpx.Client(
            timeout=_TIMEOUT,
            follow_redirects=False,
            headers={"User-Agent": f"lensbridge/{version}", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def json(self, url: str, *, what: str) -> Any:
        """The JSON at `url`, which stands for `what` in errors. Raises `CheckpointError`."""
        try:
            return json.loads(self.read(url, most=_MOST_JSON, what=what))
        except (ValueError, RecursionError):
            raise CheckpointError(f"{self._name} answers something else than a hub does.", hint=_HINT) from None

    def read(self, url: str, *, most: int, what: str) -> bytes:
        """All of what is at `url`. Raises `CheckpointError`, also where it is more than `most` bytes."""
        content = bytearray()
        try:
            with self.open(url, what=what) as body:
                for chunk in body.chunks:
                    content += chunk
                    if len(content) > most:
                        raise CheckpointError(f"{what} is larger than it can be.", hint=_HINT)
        except Interrupted as error:
            raise CheckpointError(f"{self._name} does not answer: {error}.", hint=_HINT) from None
        return bytes(content)

    @contextmanager
    def open(self, url: str, *, what: str, start: int = 0) -> Generator[Body]:
        """Begin to read `url` at byte `start`.

        Raises `Interrupted`, there and inside the block, where trying again may help, else `CheckpointError`.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._followed(url, headers) as response:
                self._check(response, what)
                yield Body(_start(response, start), response.iter_raw())
        except (httpx.TransportError, UnicodeError) as error:  # the latter from httpx, which reads redirects too
            raise Interrupted(_words(error)) from None

    @contextmanager
    def _followed(self, url: str, headers: dict[str, str]) -> Generator[httpx.Response]:
        for _ in range(_MOST_HOPS):
            own = {"Authorization": f"Bearer {self._token}"} if self._token and self._is_own(url) else {}
            with self._client.stream("GET", url, headers=headers | own) as response:
                if response.status_code not in _REDIRECTS:
                    yield response
                    return
                target = _joined(url, response.headers.get("Location", ""))
            if not _may_go(url, target):
                raise CheckpointError(f"{self._name} sends us to {_shown(target)}.", hint="try another source")
            url = target
        raise CheckpointError(f"{self._name} sends us from one place to the next.", hint="try another source")

    def _check(self, response: httpx.Response, what: str) -> None:
        status = response.status_code
        if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            return
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise TokenError(
                f"{self._name} does not give us {what} (HTTP {status}): it is private, gated, or not there.",
                hint="accept its licence on its page, then `hf auth login`; or --token-env VARIABLE; or check the name",
            )
        if status == HTTPStatus.NOT_FOUND:
            raise CheckpointError(f"{self._name} does not know {what}.", hint="check OWNER/NAME and --revision")
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise Interrupted("there is nothing after what is here")
        if status in _TRY_AGAIN:
            raise Interrupted(f"HTTP {status}")
        raise CheckpointError(f"{self._name} answers HTTP {status} for {what}.", hint=_HINT)

    def _is_own(self, url: str) -> bool:
        return _origin(url) == _origin(self.endpoint)

    @property
    def _name(self) -> str:
        return urlsplit(self.endpoint).netloc


def check_endpoint(endpoint: str) -> None:
    """Whether a hub may be asked there: checksums come from it too, so nobody on the way may change them.

    Raises `ValueError` in words.
    """
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{endpoint!r} is no address of a hub; write for example https://hf-mirror.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"{endpoint} is not encrypted; use https, or a port forwarded to this machine")


def _joined(here: str, there: str) -> str:
    try:
        return urljoin(here, there)
    except ValueError:
        return ""


def _may_go(here: str, there: str) -> bool:
    try:
        old, new = urlsplit(here), urlsplit(there)
        _ = new.port, (new.hostname or "").encode("idna")
    except ValueError:
        return False
    if new.scheme not in {"http", "https"} or not new.hostname or new.username is not None:
        return False
    if old.scheme == "https" and new.scheme != "https":
        return False
    return not _is_near(new.hostname) or _is_near(old.hostname or "")


def _is_near(host: str) -> bool:
    """Whether it is this machine or plainly its neighbourhood."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return is_loopback(host)


def _start(response: httpx.Response, asked: int) -> int:
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        return 0
    told = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if told is None or int(told[1]) != asked:
        raise Interrupted("it sends another part than was asked for")
    return asked


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _shown(url: str) -> str:
    """Without a signature or a name in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "nowhere"


def _words(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection broke"


_HINT: Final = "is the network up, and --endpoint right? a proxy goes into HTTPS_PROXY"
