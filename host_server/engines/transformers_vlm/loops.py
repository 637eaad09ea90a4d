"""Which loop a model is answered by."""

from collections.abc import Callable
from typing import Any, Protocol

from host_server.engines.transformers_vlm.fallback import GenerateLoop
from host_server.engines.transformers_vlm.kept import is_plain
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.loop import StepLoop
from host_server.engines.transformers_vlm.request import Happened, Request

__all__ = ["Loop", "loop_for"]


class Loop(Protocol):
    """What both do; everything is called in one thread."""

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs: `step()` would do nothing."""
        ...

    def submit(self, request: Request) -> None:
        """Take a request. Raises `PromptTooLongError`; then nothing more is heard of it."""
        ...

    def cancel(self, number: int) -> None:
        """Give a request up. `Ended` comes with the next step; nothing comes for one that has ended."""
        ...

    def step(self) -> list[Happened]:
        """Work a little, and tell what came of it."""
        ...

    def close(self) -> None:
        """Leave everything where it is, for good: no thread is left. Nothing is told of it."""
        ...


def loop_for(loaded: Loaded, *, max_batch: int, kv_bytes: int | None, clock: Callable[[], float]) -> Loop:
    """The step loop, or `generate()` for a model whose cache is not plain."""
    if _can_step(loaded.model):
        return StepLoop(loaded, max_batch=max_batch, kv_bytes=kv_bytes, clock=clock)
    return GenerateLoop(loaded, clock=clock)


def _can_step(model: Any) -> bool:
    config = model.config
    return not config.is_encoder_decoder and hasattr(model, "get_image_features") and is_plain(config)
