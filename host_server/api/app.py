"""The wiring: service and gate into one ASGI app, nothing decided here."""

import time
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from host_server import imaging
from host_server.api.body import JsonBodies
from host_server.api.captures import captures_router
from host_server.api.catalog import catalog_router
from host_server.api.chat import chat_router
from host_server.api.describe import describe
from host_server.api.errors import install_error_handlers
from host_server.api.gate import OPEN_PATHS, Gate
from host_server.api.limits import ApiLimits
from host_server.api.metrics import metrics_router
from host_server.api.rates import Rates
from host_server.api.responses import responses_router
from host_server.api.socket import socket_router
from host_server.core.idle import IdleClock
from host_server.core.rates import RateLimits

if TYPE_CHECKING:
    from host_server.security.authenticator import Authenticator
    from host_server.service import Service

__all__ = ["create_app"]


def create_app(
    service: "Service",
    authenticator: "Authenticator",
    *,
    idle: IdleClock | None = None,
    names: Collection[str] = (),
    version: str = "",
    limits: ApiLimits | None = None,
    rate_limits: RateLimits | None = None,
) -> FastAPI:
    """The app around a service; its lifespan is the service's life. `names` are further Host names it answers to."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        async with service.running():
            yield

    limits = limits or ApiLimits()
    rates = Rates(rate_limits or RateLimits())
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    install_error_handlers(app)
    bodies = JsonBodies(limits)
    app.include_router(responses_router(service, bodies=bodies))
    app.include_router(chat_router(service, bodies=bodies))
    app.include_router(captures_router(service, limits=limits))
    app.include_router(catalog_router(service, started_at=int(time.time()), version=version))
    app.include_router(metrics_router(service))
    app.include_router(
        socket_router(
            service,
            max_image_bytes=imaging.MAX_BYTES,
            still_valid=authenticator.still_valid,
            rates=rates,
            limits=limits,
        )
    )
    describe(app, open_paths=OPEN_PATHS)
    app.add_middleware(
        Gate,
        authenticator=authenticator,
        idle=idle or IdleClock(None, now=time.monotonic()),
        rates=rates,
        names=names,
    )
    return app
