"""What a host is started with, checked before anything heavy is loaded."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from host_server.engines.base import UnknownEngineError
from host_server.engines.options import EngineOptions
from host_server.engines.transformers_vlm.folder import is_revision
from host_server.engines.upstream.address import parse
from host_server.security.network import is_loopback
from host_server.wire.discovery import state_dir

__all__ = ["ANSWER_CACHE_MIB", "HostSettings", "SettingsError"]

ANSWER_CACHE_MIB = 64

_BACKLOG = 512
_SEND_BUFFER = 256 * 1024
_DEVICE: Final = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,2})?")


class SettingsError(Exception):
    """The settings make no sense, or are not safe; `hint` is the next step."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Flags and environment, side by side."""

    state_dir: Path
    engines: tuple[str, ...]
    host: str
    port: int
    names: tuple[str, ...] = ()
    insecure_lan: bool = False
    certificate: tuple[str, str] | None = None
    exit_when_idle_s: float | None = None
    blob_quota: int = 2 * 1024**3
    answer_cache: int = ANSWER_CACHE_MIB * 1024**2
    options: EngineOptions = field(default_factory=EngineOptions)
    """For every engine; each takes what means something to it."""
    idle_unload_s: float | None = None
    """After so long without a question the engines' processes end; the next question starts them."""
    recycle_after: int | None = None
    """Bytes an engine's process may grow by before it is started anew."""
    degrade: bool = True

    @classmethod
    def read(
        cls,
        environ: Mapping[str, str],
        *,
        state: Path | None,
        engines: tuple[str, ...],
        host: str,
        port: int,
        names: tuple[str, ...],
        insecure_lan: bool,
        certfile: str | None,
        keyfile: str | None,
        exit_when_idle_s: float | None,
        answer_cache_mib: int = ANSWER_CACHE_MIB,
        options: EngineOptions | None = None,
    ) -> "HostSettings":
        """Flags over environment over default. Raises `SettingsError`."""
        if bool(certfile) != bool(keyfile):
            raise SettingsError("A certificate needs its key.", hint="give both --ssl-certfile and --ssl-keyfile")
        settings = cls(
            state_dir=state or state_dir(environ),
            engines=engines,
            host=host,
            port=port,
            names=names,
            insecure_lan=insecure_lan,
            certificate=(certfile, keyfile) if certfile and keyfile else None,
            exit_when_idle_s=exit_when_idle_s,
            answer_cache=answer_cache_mib * 1024**2,
            options=options or EngineOptions(),
        )
        settings.check_bind()
        settings.check_options(environ)
        return settings

    def check_bind(self) -> None:
        """Whether it is safe to listen there. Raises `SettingsError`."""
        if is_loopback(self.host) or self.certificate or self.insecure_lan:
            return
        raise SettingsError(
            f"Listening on {self.host} without TLS would send tokens and pictures readable over the network.",
            hint="add --ssl-certfile and --ssl-keyfile, or --insecure-lan if nobody else is on that network",
        )

    def check_options(self, environ: Mapping[str, str]) -> None:
        """Whether what is said about models and upstreams means something. Raises `SettingsError`."""
        options = self.options
        if _DEVICE.fullmatch(options.device) is None:
            raise SettingsError(
                f"{options.device!r} is no device.", hint="--device takes auto, cpu, cuda, cuda:1 or mps"
            )
        if options.revision is not None and not is_revision(options.revision):
            raise SettingsError(
                f"{options.revision!r} is no revision.", hint="--revision takes a branch, a tag or a commit"
            )
        for url in options.upstreams:
            _check_upstream(url)
        if options.upstreams and not any(spec.partition("=")[0].strip() == "upstream" for spec in self.engines):
            raise SettingsError("No engine asks that upstream.", hint="add --engine upstream=MODEL")
        if options.upstream_key_env is not None and not environ.get(options.upstream_key_env):
            raise SettingsError(
                "The environment variable of --upstream-key-env is empty.",  # its name unsaid: it may be the key
                hint="--upstream-key-env takes the name of the variable that holds the key, not the key",
            )

    def bind(self) -> socket.socket:
        """The socket to listen on. Raises `SettingsError`."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise SettingsError(
                f"Cannot listen on {self.host} port {self.port}: {error.strerror}.",
                hint="is another host running there? --port 0 takes a free port",
            ) from None
        # Accepted sockets inherit both. asyncio would set the first only for sockets made with an explicit IPPROTO_TCP;
        # without it each small event waits up to 40 ms for the client's delayed acknowledgement. The second makes a
        # client that does not read felt after so many bytes instead of the 4 MB that the kernel would grow to.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        return listener


def _check_upstream(url: str) -> None:
    try:
        parse(url)
    except UnknownEngineError as error:
        raise SettingsError(error.message, hint=error.hint) from None
