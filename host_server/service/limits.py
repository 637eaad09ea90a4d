"""How much of anything a service takes on; each has a reason to be finite."""

from dataclasses import dataclass

from host_server.core.admission import Quota
from host_server.core.question import Priority

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults are for one engine on one machine."""

    max_waiting: int = 64
    """Questions that wait and that somebody waits for."""
    max_per_principal: int = 48
    """Of one key, waiting and running."""
    max_batch_waiting: int = 512
    """A regression run may hand in all its questions at once."""
    max_batch_per_principal: int = 512
    queue_s: float = 300.0
    """Longest wait of a question for its seat, and for the model to be loaded."""
    batch_queue_s: float = 3600.0
    answer_s: float = 600.0
    """Longest time at the engine."""
    degrade: bool = True
    """Whether answers may lose something under load, see `core.degrade`; otherwise questions only wait."""
    patience_s: float = 60.0
    """A wait that is too long for somebody: what load is measured by."""
    grace_s: float = 30.0
    keep_s: float = 24 * 3600.0
    keep_answers: int = 5000
    keep_bytes: int = 64 * 1024 * 1024
    cache_bytes: int = 0
    cache_s: float = 24 * 3600.0

    def queue_limit_s(self, priority: Priority) -> float:
        """How long a question of this class may wait."""
        return self.batch_queue_s if priority == "batch" else self.queue_s

    @property
    def quotas(self) -> dict[Priority, Quota]:
        """What the admission is told."""
        return {
            "interactive": Quota(self.max_waiting, self.max_per_principal),
            "batch": Quota(self.max_batch_waiting, self.max_batch_per_principal),
        }
