"""The composition root: settings in, a running host out. Everything that is heavy is imported from here on."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version

from host_server.api.app import create_app
from host_server.api.server import HostServer
from host_server.core.idle import IdleClock
from host_server.engines import registry
from host_server.engines.base import Engine
from host_server.engines.options import EngineOptions
from host_server.imaging.memory import give_back_what_is_freed
from host_server.observe.log import get_logger
from host_server.observe.logging import configure_logging
from host_server.security.admin_token import ensure_admin_token
from host_server.security.authenticator import Authenticator
from host_server.security.keys import KeyFile
from host_server.service import Care, EngineRoom, Limits, Pictures, Service
from host_server.settings import HostSettings, SettingsError
from host_server.store.blobs import BlobStore
from host_server.wire.discovery import HostRecord, UnsafeFileError, private_folder, read_host_record

__all__ = ["launch"]

_BLOBS = "blobs"


async def launch(settings: HostSettings, on_listening: Callable[[HostRecord], None]) -> None:
    """Serve until told to stop. Raises `SettingsError`, or `EngineError` for an engine that cannot be had."""
    configure_logging()
    give_back_what_is_freed()
    authenticator = _authenticator(settings)
    engines = _engines(settings.engines, settings.options)
    other = read_host_record(settings.state_dir)

    def announce(record: HostRecord) -> None:
        on_listening(record)
        if other is not None:
            get_logger("host_server").warning("another host was recorded here; host.json names us now", url=other.url)

    with closing(settings.bind()) as listener:
        pictures = Pictures(BlobStore(settings.state_dir / _BLOBS, quota=settings.blob_quota))
        care = Care(idle_unload_s=settings.idle_unload_s, recycle_after=settings.recycle_after)
        limits = Limits(cache_bytes=settings.answer_cache, degrade=settings.degrade)
        service = Service(EngineRoom(engines, care=care), pictures, limits=limits)
        idle = IdleClock(settings.exit_when_idle_s, now=time.monotonic())
        app = create_app(service, authenticator, idle=idle, names=settings.names, version=_version())
        server = HostServer(
            app,
            service,
            idle,
            state_dir=settings.state_dir,
            version=_version(),
            on_listening=announce,
            certificate=settings.certificate,
        )
        await server.serve_host(listener)


def _authenticator(settings: HostSettings) -> Authenticator:
    try:
        folder = private_folder(settings.state_dir)
        return Authenticator(ensure_admin_token(folder), KeyFile(folder))
    except (UnsafeFileError, OSError) as error:
        told = f"{settings.state_dir}: {error.strerror}" if isinstance(error, OSError) else error
        raise SettingsError(f"{told}.", hint="make it yours alone, or give another folder with --state-dir") from None


def _engines(specs: Sequence[str], options: EngineOptions) -> list[Engine]:
    engines: dict[str, Engine] = {}
    for spec in specs or (registry.unasked(),):
        engine = registry.create(spec, options)
        if engine.info.name in engines:
            raise SettingsError(f"The engine {engine.info.name} is named twice.", hint="name each engine once")
        engines[engine.info.name] = engine
    return list(engines.values())


def _version() -> str:
    try:
        return version("lensbridge")
    except PackageNotFoundError:
        return "0"
