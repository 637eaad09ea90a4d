"""`bridge-host serve`: run the service in this terminal."""

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import typer

from host_server.cli import options
from host_server.cli.ending import INTERRUPTED, NO_MODEL, USAGE, StateDir, answering, end_with
from host_server.cli.pull import fetch_model
from host_server.engines.base import EngineError, UnknownEngineError
from host_server.engines.options import EngineOptions
from host_server.settings import ANSWER_CACHE_MIB, HostSettings, SettingsError

if TYPE_CHECKING:
    from host_server.wire.discovery import HostRecord

__all__ = ["serve"]

_LOAD_A_CHECKPOINT: Final = ("transformers_vlm",)


def serve(
    *,
    engine: options.Engines = None,
    host: options.Address = "127.0.0.1",
    port: options.Port = 8018,
    state_dir: StateDir = None,
    exit_when_idle: options.ExitWhenIdle = None,
    answer_cache: options.AnswerCache = ANSWER_CACHE_MIB,
    allowed_host: options.AllowedHost = None,
    insecure_lan: options.InsecureLan = False,
    ssl_certfile: options.Certificate = None,
    ssl_keyfile: options.PrivateKey = None,
    revision: options.Revision = None,
    dtype: options.Type = options.DEFAULTS.dtype,
    device: options.Device = options.DEFAULTS.device,
    quantize: options.Quantized = options.DEFAULTS.quantize,
    attn: options.Attn = options.DEFAULTS.attn,
    max_side: options.MaxSide = options.DEFAULTS.max_side,
    max_batch: options.MaxBatch = options.DEFAULTS.max_batch,
    kv_bytes: options.KvBytes = None,
    threads: options.Threads = None,
    thinking: options.Thinking = False,
    trust_remote_code: options.TrustRemoteCode = False,
    offline: options.Offline = False,
    upstream: options.Upstream = None,
    upstream_key_env: options.UpstreamKeyEnv = None,
    idle_unload: options.IdleUnload = None,
    recycle_after: options.RecycleAfter = None,
    degrade: options.Degrade = "on",
) -> None:
    """Serve until Ctrl-C. Running answers may end first; a second Ctrl-C ends them."""
    asked = EngineOptions(revision=revision, dtype=dtype, device=device, quantize=quantize, attn=attn, threads=threads)
    asked = replace(
        asked, max_side=max_side, max_batch=max_batch, kv_bytes=kv_bytes, thinking=thinking, offline=offline
    )
    asked = replace(asked, trust_remote_code=trust_remote_code, upstream_key_env=upstream_key_env)
    with _explained():
        settings = HostSettings.read(
            os.environ,
            state=state_dir,
            engines=tuple(engine or ()),
            host=host,
            port=port,
            names=tuple(allowed_host or ()),
            insecure_lan=insecure_lan,
            certfile=ssl_certfile,
            keyfile=ssl_keyfile,
            exit_when_idle_s=exit_when_idle,
            answer_cache_mib=answer_cache,
            options=replace(asked, upstreams=tuple(upstream or ())),
        )
        _have_models(settings)
        _serve(replace(settings, idle_unload_s=idle_unload, recycle_after=recycle_after, degrade=degrade == "on"))


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except SettingsError as error:
        end_with(error.message, error.hint, USAGE)
    except EngineError as error:
        end_with(error.message, error.hint, USAGE if isinstance(error, UnknownEngineError) else NO_MODEL)


def _have_models(settings: HostSettings) -> None:
    """Fetch a model that is named by its id on a hub: here, where progress is seen, and not in its engine's process.

    Raises `EngineError` for a folder without a model, which its process could only say again and again.
    """
    from host_server.engines import registry
    from host_server.engines.transformers_vlm.folder import config_of, find, is_hub_id

    options = settings.options
    for spec in settings.engines:
        name, _, model = (part.strip() for part in spec.partition("="))
        if name not in _LOAD_A_CHECKPOINT or not model or name not in registry.available():
            continue
        try:
            folder = find(model, options.revision)
        except EngineError:
            if options.offline or not is_hub_id(model):
                raise
            with answering(as_json=False):
                fetch_model(model, options.revision, with_code=options.trust_remote_code)
        else:
            config_of(folder)


def _serve(settings: HostSettings) -> None:
    from host_server.launch import launch

    try:
        asyncio.run(launch(settings, _announce))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _announce(record: "HostRecord") -> None:
    typer.echo(f"bridge-host is listening on {record.url}; engines: {', '.join(record.engines)}", err=True)
