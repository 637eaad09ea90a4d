"""The engine `upstream`: which replica is asked, and what happens when it does not answer.

A question goes to the replica that had its picture before (`rendezvous`), to the next one when that rests or fails
before the first word. Later it fails, retryable: half an answer from here and half from there would be none.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

from host_server.core.question import PreparedQuestion
from host_server.engines.base import EngineError, EngineInfo, Piece, UnknownEngineError, UpstreamError
from host_server.engines.options import EngineOptions
from host_server.engines.upstream.address import Address, parse
from host_server.engines.upstream.body import affinity
from host_server.engines.upstream.gate import Gate
from host_server.engines.upstream.rendezvous import ranked
from host_server.engines.upstream.replica import NotAnswered, Patience, Replica, Told

__all__ = ["UpstreamEngine", "create"]

_log = logging.getLogger(__name__)

_MOST_REPLICAS: Final = 64
_LOOK_S: Final = 10.0
_MOST_NAMED: Final = 300


class UpstreamEngine:
    """Asks others. Each lane is one open connection; how an upstream batches is its own business."""

    def __init__(
        self, addresses: Sequence[Address], told: Told, options: EngineOptions, *, patience: Patience | None = None
    ) -> None:
        self.info: Final = EngineInfo(
            name="upstream",
            model=told.model,
            owner="upstream",
            takes_images=True,
            reads_only=False,
            description=_described(told.model, len(addresses)),
            max_side=options.max_side,
            lanes=options.max_batch * len(addresses),
            repeats=False,  # where no temperature is asked for, most servers draw
        )
        self._addresses = tuple(addresses)
        self._names = [address.base for address in addresses]
        self._told = told
        self._patience = patience or Patience()
        self._gate = Gate()
        self._lanes = asyncio.Semaphore(self.info.lanes)
        self._made: list[Replica] = []

    @property
    def replicas(self) -> Sequence[Replica]:
        """In the order of their addresses; made when they are first needed."""
        if not self._made:
            import httpx

            trusted = httpx.create_ssl_context()
            self._made = [
                Replica(address, self._told, gate=self._gate, trusted=trusted, patience=self._patience)
                for address in self._addresses
            ]
        return self._made

    async def warm_up(self) -> None:
        """See whether one of the replicas can be used. Raises `EngineError` when none can."""
        self._gate.check()
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(self._look(replica)) for replica in self.replicas]
        errors = [look.result() for look in looks]
        if all(errors):
            raise next(filter(None, errors))

    async def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """Let the replica for this question answer, or the next one. Raises `EngineError`."""
        async with self._gate.waiting():
            await self._lanes.acquire()
        try:
            error: EngineError = UpstreamError("No upstream answers.")
            for replica in self._order(question):
                pieces = replica.answer(question)
                try:
                    async for piece in pieces:
                        yield piece
                    return
                except NotAnswered as no:
                    error = no.fault.error
                    if not no.fault.elsewhere:
                        break
                finally:
                    await pieces.aclose()
            raise error
        finally:
            self._lanes.release()

    async def close(self) -> None:
        """End what is being answered, and all connections."""
        self._gate.close()
        made, self._made = self._made, []
        for replica in made:
            await replica.close()

    def _order(self, question: PreparedQuestion) -> list[Replica]:
        """All replicas, best first; those that rest come last, for when no other answers."""
        now = time.monotonic()
        best = [self.replicas[at] for at in ranked(affinity(question), self._names)]
        return sorted(best, key=lambda replica: replica.health.rests(now))

    async def _look(self, replica: Replica) -> EngineError | None:
        base = replica.address.base
        if replica.address.readable:
            _log.warning("questions, pictures and key go to %s readable for that network", base)
        try:
            async with asyncio.timeout(_LOOK_S):
                models = await replica.look()
        except TimeoutError:
            return UpstreamError("The upstream does not answer.", hint=f"is {base} busy starting?")
        except NotAnswered as no:
            _log.warning("%s: %s", base, no.fault.error.message)
            return no.fault.error
        if models and self._told.model not in models:
            _log.warning("%s lists no model %s; it has %s", base, self._told.model, ", ".join(models)[:_MOST_NAMED])
        return None


def create(model: str | None, options: EngineOptions, *, environ: Mapping[str, str] = os.environ) -> UpstreamEngine:
    """Make `upstream=MODEL`. Raises `UnknownEngineError` for addresses or a key that make no sense."""
    if not options.upstreams:
        raise UnknownEngineError(
            "The engine 'upstream' needs a server.", hint="give its URL: --upstream http://127.0.0.1:8000/v1"
        )
    addresses = [parse(url) for url in options.upstreams]
    if len({address.base for address in addresses}) < len(addresses):
        raise UnknownEngineError("An upstream is named twice.", hint="name each server once")
    if len(addresses) > _MOST_REPLICAS:
        raise UnknownEngineError(f"At most {_MOST_REPLICAS} upstreams.", hint="put a load balancer before them")
    key = _key(options.upstream_key_env, environ)
    return UpstreamEngine(addresses, Told(model or "", options.thinking, key), options)


def _key(name: str | None, environ: Mapping[str, str]) -> str:
    if name is None:
        return ""
    key = environ.get(name, "").strip()
    if not key:
        raise UnknownEngineError(
            "The variable of --upstream-key-env is empty.",  # its name unsaid: it may be the key
            hint="--upstream-key-env takes the name of the variable that holds the key, not the key",
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise UnknownEngineError("What the variable of --upstream-key-env holds is no key.", hint="a key is one word")
    return key


def _described(model: str, replicas: int) -> str:
    where = "an OpenAI-compatible server" if replicas == 1 else f"{replicas} OpenAI-compatible servers"
    return f"{model}, answered by {where}."
