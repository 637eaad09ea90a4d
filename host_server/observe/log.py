"""Where the host's modules get their logger, so that none of them imports structlog for itself."""

from typing import Any

__all__ = ["bind", "get_logger"]


def get_logger(name: str) -> Any:
    """A structlog logger: `log.info("what happened", field=value)`; never with content of questions or answers."""
    import structlog

    return structlog.stdlib.get_logger(name)


def bind(**fields: str) -> None:
    """Put these fields on every line of the current request or socket."""
    import structlog

    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**fields)
