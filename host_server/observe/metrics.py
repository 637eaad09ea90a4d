"""What Prometheus may ask of this host, under the words that vLLM uses, with a prefix of our own.

A registry of our own, so that two hosts in one process do not share counters. Labels are names of engines, codes of our
table and the like: never a key, a phone or a word of anybody's question, and so only a few of each. Counters exist from
the beginning, since Prometheus does not see one that is born at 1.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram
    from prometheus_client.core import GaugeMetricFamily

__all__ = ["CONTENT_TYPE", "EndReason", "Metrics", "Outcome", "Row"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

EndReason = Literal["died", "idle", "grown"]
Outcome = Literal["ok", "error", "rejected", "cancelled"]
Row = tuple[Sequence[str], float]
"""The values of a gauge's labels, and its own."""

_MODEL: Final = ("model",)
_MODEL_CLASS: Final = ("model", "class")
_CLASSES: Final = ("interactive", "batch")
_REASONS: Final[tuple[EndReason, ...]] = ("died", "idle", "grown")
_WAITS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 20, 40, 80, 160, 640)
_GAPS: Final = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5)


class Metrics:
    """One for a host. Every method is cheap and never fails; `render` is what `GET /metrics` answers."""

    def __init__(self) -> None:
        import prometheus_client as prometheus

        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]  # when each began: half of the page
        self._registry = registry = prometheus.CollectorRegistry()

        def counter(name: str, told: str, labels: Sequence[str] = _MODEL) -> "Counter":
            return prometheus.Counter(name, told, labels, registry=registry)

        def times(name: str, told: str, labels: Sequence[str], buckets: Sequence[float] = _WAITS) -> "Histogram":
            return prometheus.Histogram(name, told, labels, registry=registry, buckets=buckets)

        prometheus.ProcessCollector(registry=registry)
        self._requests = counter(
            "bridge_requests", "Questions by how they ended.", ("model", "class", "outcome", "code")
        )
        self._prompt = counter("bridge_prompt_tokens", "Tokens of prompts, pictures included.")
        self._said = counter("bridge_generation_tokens", "Tokens of answers, thinking included.")
        self._prefix_asked = counter("bridge_prefix_cache_queries", "Tokens of prompts that were looked up.")
        self._prefix_hit = counter("bridge_prefix_cache_hits", "Tokens of prompts that were known already.")
        self._answers_hit = counter("bridge_answer_cache_hits", "Answers given again without the model.")
        self._degraded = counter("bridge_degraded", "Answers that lost something under load.", ("model", "step"))
        self._load_failed = counter("bridge_model_load_failures", "Models that could not be loaded.")
        self._ended = counter("bridge_engine_restarts", "Ends of engines' processes.", ("model", "reason"))
        self._first = times("bridge_time_to_first_token_seconds", "From arrival to the first token.", _MODEL_CLASS)
        self._gap = times("bridge_inter_token_latency_seconds", "Between two tokens.", _MODEL, _GAPS)
        self._whole = times("bridge_e2e_request_latency_seconds", "From arrival to the end.", _MODEL_CLASS)
        self._waited = times("bridge_request_queue_time_seconds", "In queues, and for the model.", _MODEL_CLASS)
        self._prefill = times("bridge_request_prefill_time_seconds", "From the prompt's beginning to a token.", _MODEL)
        self._decode = times("bridge_request_decode_time_seconds", "From the first token to the last.", _MODEL)
        self._pictures = times("bridge_image_preprocess_seconds", "Making the pictures of a question ready.", _MODEL)

    def know(self, model: str, steps: Iterable[str]) -> None:
        """There is this engine: what is counted of it begins at 0."""
        for name in _CLASSES:
            self._requests.labels(model, name, "ok", "")
            for family in (self._first, self._whole, self._waited):
                family.labels(model, name)
        for plain in (self._prompt, self._said, self._prefix_asked, self._prefix_hit, self._answers_hit):
            plain.labels(model)
        for timed in (self._gap, self._prefill, self._decode, self._pictures):
            timed.labels(model)
        self._load_failed.labels(model)
        for step in steps:
            self._degraded.labels(model, step)
        for reason in _REASONS:
            self._ended.labels(model, reason)

    def watch(self, name: str, told: str, labels: Sequence[str], read: Callable[[], Iterable[Row]]) -> None:
        """A gauge that is read when somebody asks."""
        self._registry.register(_Gauge(name, told, labels, read))

    def token(self, model: str, gap_s: float) -> None:
        """A token came so long after the one before."""
        self._gap.labels(model).observe(gap_s)

    def rejected(self, model: str, priority: str, code: str) -> None:
        """A question was not accepted. `model` is empty when there is no such engine."""
        self._requests.labels(model, priority, "rejected", code).inc()

    def ended(
        self,
        model: str,
        priority: str,
        *,
        outcome: Outcome,
        code: str = "",
        whole_s: float,
        waited_s: float,
        first_s: float | None = None,
    ) -> None:
        """An accepted question has its end."""
        self._requests.labels(model, priority, outcome, code).inc()
        self._whole.labels(model, priority).observe(whole_s)
        self._waited.labels(model, priority).observe(waited_s)
        if first_s is not None:
            self._first.labels(model, priority).observe(first_s)

    def spent(self, model: str, *, prompt: int, cached: int, said: int, prefill_s: float, decode_s: float) -> None:
        """What the engine says an answer has cost."""
        self._prompt.labels(model).inc(prompt)
        self._prefix_asked.labels(model).inc(prompt)
        self._prefix_hit.labels(model).inc(cached)
        self._said.labels(model).inc(said)
        self._prefill.labels(model).observe(prefill_s)
        self._decode.labels(model).observe(decode_s)

    def said(self, model: str, tokens: int) -> None:
        """What an answer has cost at an engine that does not count."""
        self._said.labels(model).inc(tokens)

    def prepared(self, model: str, took_s: float) -> None:
        """The pictures of a question are ready."""
        self._pictures.labels(model).observe(took_s)

    def repeated(self, model: str) -> None:
        """An answer was known."""
        self._answers_hit.labels(model).inc()

    def degraded(self, model: str, step: str) -> None:
        """An answer lost something."""
        self._degraded.labels(model, step).inc()

    def load_failed(self, model: str) -> None:
        """A model could not be loaded."""
        self._load_failed.labels(model).inc()

    def engine_ended(self, model: str, reason: EndReason) -> None:
        """An engine's process has ended, or is about to."""
        self._ended.labels(model, reason).inc()

    def render(self) -> bytes:
        """Everything, in Prometheus' text format."""
        import prometheus_client as prometheus

        return prometheus.generate_latest(self._registry)


class _Gauge:
    """A collector in Prometheus' sense."""

    def __init__(self, name: str, told: str, labels: Sequence[str], read: Callable[[], Iterable[Row]]) -> None:
        self._name = name
        self._told = told
        self._labels = labels
        self._read = read

    def describe(self) -> Iterable[Any]:
        """Name it without reading it."""
        return [self._family()]

    def collect(self) -> Iterable[Any]:
        """Read it."""
        family = self._family()
        for labels, value in self._read():
            family.add_metric(labels, value)
        return [family]

    def _family(self) -> "GaugeMetricFamily":
        from prometheus_client.core import GaugeMetricFamily

        return GaugeMetricFamily(self._name, self._told, labels=self._labels)
