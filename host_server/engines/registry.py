"""Names to engines. Each engine's module, and what it stands on, is imported only when it is asked for.

An engine that computes gets a process of its own: what it loads, and whatever happens to it, stays out of the host.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from host_server.engines.base import Engine, EngineNotInstalledError, UnknownEngineError

__all__ = ["available", "create", "create_here", "names"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """How to make an engine, what must be importable for it, and what to install otherwise."""

    factory: Callable[[str | None], Engine]
    needs: tuple[str, ...] = ()
    extra: str = ""
    own_process: bool = False


def names() -> tuple[str, ...]:
    """All engines there are, best first, whether installed or not."""
    return tuple(_ENGINES)


def available() -> tuple[str, ...]:
    """The engines whose libraries are installed, best first. Imports none of them."""
    return tuple(name for name, entry in _ENGINES.items() if not _missing(entry))


def create(spec: str) -> Engine:
    """Make the engine that `NAME` or `NAME=MODEL` names. Nothing is loaded before its `warm_up()` or first answer.

    Raises `UnknownEngineError` or `EngineNotInstalledError`, both with the next step as `hint`.
    """
    entry, engine = _make(spec)
    if not entry.own_process:
        return engine
    from host_server.engines.process.engine import ProcessEngine, child_command

    return ProcessEngine(engine.info, child_command(spec))


def create_here(spec: str) -> Engine:
    """Make the engine itself, in this process. Raises what `create` raises."""
    return _make(spec)[1]


def _make(spec: str) -> tuple[_Entry, Engine]:
    name, equals, model = (part.strip() for part in spec.partition("="))
    entry = _ENGINES.get(name)
    if entry is None:
        raise UnknownEngineError(f"There is no engine {name!r}.", hint=f"Engines: {', '.join(_ENGINES)}.")
    if equals and not model:
        raise UnknownEngineError(f"{name}= names no model.", hint=f"Write `{name}` alone or `{name}=MODEL`.")
    if missing := _missing(entry):
        raise EngineNotInstalledError(
            f"The engine {name!r} needs {', '.join(missing)}.", hint=f"pip install 'lensbridge[{entry.extra}]'"
        )
    return entry, entry.factory(model or None)


def _missing(entry: _Entry) -> tuple[str, ...]:
    return tuple(module for module in entry.needs if find_spec(module) is None)


def _ocr(model: str | None) -> Engine:
    from host_server.engines.ocr import engine

    return engine.create(model)


def _echo(model: str | None) -> Engine:
    from host_server.engines import echo

    return echo.create(model)


_ENGINES: Final = {
    "ocr": _Entry(_ocr, needs=("rapidocr", "onnxruntime", "numpy", "PIL"), extra="ocr", own_process=True),
    "echo": _Entry(_echo),
}
