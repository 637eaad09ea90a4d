"""Configure the log: structlog for our lines, the same rendering and the same mask for everybody else's."""

import logging
import sys
from typing import Any, TextIO

from host_server.observe.terminal import terminal_line

__all__ = ["configure_logging"]


def configure_logging(*, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every line to stderr: readable on a terminal, JSON elsewhere. Call once, at start."""
    import structlog

    out = stream or sys.stderr
    terminal = out.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if terminal:
        render = terminal_line
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _masked,
            render,
        ],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The library's own advice where lines are many: what none of them shows is not looked up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # ruff: ignore[private-member-access] documented in the same place
    for library in ("uvicorn", "httpx"):  # they tell of every connection and request; we do so ourselves
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _masked(_logger: object, _method: str, event: Any) -> Any:
    from host_server.observe.redact import redact

    return redact(event)
