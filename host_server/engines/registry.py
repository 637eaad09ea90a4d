"""Names to engines. Each engine's module, and what it stands on, is imported only when it is asked for.

An engine that computes gets a process of its own: what it loads, and whatever happens to it, stays out of the host.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from host_server.engines.base import Engine, EngineNotInstalledError, UnknownEngineError
from host_server.engines.options import EngineOptions

__all__ = ["available", "create", "create_here", "names", "unasked"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """How to make an engine, what must be importable for it, and what to install otherwise."""

    factory: Callable[[str | None, EngineOptions], Engine]
    needs: tuple[str, ...] = ()
    extra: str = ""
    own_process: bool = False
    needs_model: bool = False


def names() -> tuple[str, ...]:
    """All engines there are, best first, whether installed or not."""
    return tuple(_ENGINES)


def available() -> tuple[str, ...]:
    """The engines whose libraries are installed, best first. Imports none of them."""
    return tuple(name for name, entry in _ENGINES.items() if not _missing(entry))


def unasked() -> str:
    """The best engine that is installed and answers without being told a model."""
    return next(name for name in available() if not _ENGINES[name].needs_model)


def create(spec: str, options: EngineOptions | None = None) -> Engine:
    """Make the engine that `NAME` or `NAME=MODEL` names. Nothing is loaded before its `warm_up()` or first answer.

    Raises `UnknownEngineError` or `EngineNotInstalledError`, both with the next step as `hint`.
    """
    options = options or EngineOptions()
    entry, engine = _make(spec, options)
    if not entry.own_process:
        return engine
    from host_server.engines.process.engine import ProcessEngine, child_command

    return ProcessEngine(engine.info, child_command(spec, options))


def create_here(spec: str, options: EngineOptions | None = None) -> Engine:
    """Make the engine itself, in this process. Raises what `create` raises."""
    return _make(spec, options or EngineOptions())[1]


def _make(spec: str, options: EngineOptions) -> tuple[_Entry, Engine]:
    name, equals, model = (part.strip() for part in spec.partition("="))
    entry = _ENGINES.get(name)
    if entry is None:
        raise UnknownEngineError(f"There is no engine {name!r}.", hint=f"Engines: {', '.join(_ENGINES)}.")
    if equals and not model:
        raise UnknownEngineError(f"{name}= names no model.", hint=f"Write `{name}` alone or `{name}=MODEL`.")
    if entry.needs_model and not model:
        raise UnknownEngineError(f"The engine {name!r} needs a model.", hint=f"Write `{name}=MODEL`.")
    if missing := _missing(entry):
        raise EngineNotInstalledError(
            f"The engine {name!r} needs {', '.join(missing)}.", hint=f"pip install 'lensbridge[{entry.extra}]'"
        )
    return entry, entry.factory(model or None, options)


def _missing(entry: _Entry) -> tuple[str, ...]:
    return tuple(module for module in entry.needs if find_spec(module) is None)


def _upstream(model: str | None, options: EngineOptions) -> Engine:
    from host_server.engines.upstream import engine

    return engine.create(model, options)


def _transformers_vlm(model: str | None, options: EngineOptions) -> Engine:
    from host_server.engines.transformers_vlm import engine

    return engine.create(model, options)


def _ocr(model: str | None, _options: EngineOptions) -> Engine:
    from host_server.engines.ocr import engine

    return engine.create(model)


def _echo(model: str | None, _options: EngineOptions) -> Engine:
    from host_server.engines import echo

    return echo.create(model)


_ENGINES: Final = {
    "transformers_vlm": _Entry(
        _transformers_vlm, needs=("torch", "transformers", "PIL"), extra="gpu", own_process=True, needs_model=True
    ),
    "upstream": _Entry(_upstream, needs=("httpx",), needs_model=True),
    "ocr": _Entry(_ocr, needs=("rapidocr", "onnxruntime", "numpy", "PIL"), extra="ocr", own_process=True),
    "echo": _Entry(_echo),
}
