"""What of the service's work is counted for Prometheus, and told in the log; nothing is decided here."""

from collections.abc import Iterator

from host_server.core.admission import CLASSES
from host_server.core.degrade import STEPS
from host_server.observe.log import get_logger
from host_server.observe.metrics import Outcome, Row
from host_server.service.engines import EngineRoom
from host_server.service.keeper import STATES
from host_server.service.run import Run
from host_server.service.seats import Seats
from host_server.wire.errors import CODES
from host_server.wire.request import ResponseCreate
from host_server.wire.response import Json

__all__ = ["Counted", "in_short"]


class Counted:
    """Tells the metrics of questions as they end, and shows them what is to be read at any time."""

    def __init__(self, engines: EngineRoom, seats: Seats) -> None:
        self._engines = engines
        self._seats = seats
        self._log = get_logger("host_server.service")
        self._metrics = metrics = engines.metrics
        for name in engines.names:
            metrics.know(name, STEPS)
        metrics.watch("bridge_num_requests_running", "Questions at an engine.", ["model"], self._running)
        metrics.watch("bridge_num_requests_waiting", "Questions in a queue.", ["model", "class"], self._waiting)
        metrics.watch("bridge_engine_state", "1 for the state an engine is in.", ["model", "state"], self._states)
        metrics.watch("bridge_engine_memory_bytes", "What a process holds.", ["model", "kind"], self._memory)

    def rejected(self, create: ResponseCreate, code: str) -> None:
        """A question was not accepted."""
        keeper = self._engines.find(create.model or self._engines.default)
        self._metrics.rejected(keeper.name if keeper else "", create.priority, code)

    def declined(self, model: str) -> None:
        """A polite word stood for an answer."""
        self._metrics.degraded(model, "stock_text")
        self._metrics.rejected(model, "interactive", "stock_text")

    def ended(self, run: Run) -> None:
        """A question that was accepted has its end. Never fails: the numbers of an engine are somebody else's."""
        try:
            self._ended(run)
            self._log.info("ended", response_id=run.answer.id, **in_short(run.answer.response()))
        except Exception:  # ruff: ignore[blind-except] whatever it is, the host goes on
            self._log.exception("not counted", response_id=run.answer.id)

    def _ended(self, run: Run) -> None:
        meter, response = run.meter, run.answer.response()
        outcome, code = _outcome(response["status"], response.get("error"))
        self._metrics.ended(
            run.engine,
            run.priority,
            outcome=outcome,
            code=code,
            whole_s=meter.clock() - meter.arrived,
            waited_s=meter.waited_s,
            first_s=meter.first_s,
        )
        report = meter.report
        if report is not None:
            self._metrics.spent(
                run.engine,
                prompt=report.input_tokens,
                cached=report.cached_tokens,
                said=report.output_tokens,
                prefill_s=report.prefill_s,
                decode_s=meter.decode_s,
            )
        elif meter.known_usage is None:
            self._metrics.said(run.engine, meter.tokens)

    def _running(self) -> Iterator[Row]:
        for name in self._engines.names:
            yield (name,), self._seats.running(name)

    def _waiting(self) -> Iterator[Row]:
        for name in self._engines.names:
            for priority in CLASSES:
                yield (name, priority), self._seats.waiting(name, priority)

    def _states(self) -> Iterator[Row]:
        for keeper in self._engines.keepers:
            for state in STATES:
                yield (keeper.name, state), float(keeper.state == state)

    def _memory(self) -> Iterator[Row]:
        for keeper in self._engines.keepers:
            for kind, size in keeper.memory.items():
                yield (keeper.name, kind), size


def in_short(response: Json) -> Json:
    """How an answer ended, for the log: numbers and kinds, no word of what was asked or said.

    What has `token` in its name would be masked there.
    """
    usage, metrics, error = (response.get(part) or {} for part in ("usage", "metrics", "error"))
    told = {
        "status": response["status"],
        "reason": error.get("reason"),
        "prompt": usage.get("input_tokens"),
        "cached": (usage.get("input_tokens_details") or {}).get("cached_tokens"),
        "output": usage.get("output_tokens"),
        "queue_ms": _whole(metrics.get("queue_time_ms")),
        "first_ms": _whole(metrics.get("time_to_first_token_ms")),
        "writing_ms": _whole(metrics.get("generation_time_ms")),
        "known": metrics.get("cache") == "hit" or None,
        "degraded": ",".join(response.get("degraded") or ()) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _whole(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds)


def _outcome(status: str, error: dict[str, str] | None) -> tuple[Outcome, str]:
    """An error is ours; what lies in the question, or in too many of them, is none."""
    if status == "cancelled":
        return "cancelled", ""
    if error is None:
        return "ok", ""
    code = error["reason"]
    return ("error" if CODES[code].type == "server_error" else "rejected"), code
