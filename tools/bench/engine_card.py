"""What only a card is asked: how near a step is to the memory's bandwidth, and what a larger picture costs."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch

from tools.bench.engine_model import Bench, step_loop, wait_for
from tools.bench.engine_speed import ROUNDS, SIDES
from tools.bench.measure import median, row

__all__ = ["rows"]

PICTURES: Final = (768, 1024, 1536)
COPIED: Final = 1024**3
STEPS: Final = 33


def rows(bench: Bench, together: Sequence[int]) -> Iterator[dict[str, Any]]:
    """A step at each batch size against its bound, then the first token at each longest side."""
    bound = _step_bytes(bench) / _bandwidth(bench.loaded.device)
    for count in together:
        gaps = []
        for _ in range(ROUNDS):
            told = wait_for(
                step_loop(bench, count), [bench.request(bench.picture(*SIDES), STEPS) for _ in range(count)]
            )
            gaps += [gap for one in told.values() for gap in one.gaps_s[-STEPS // 2 :]]
        step = median(gaps)
        yield row(
            f"a step with {count} rows", 1000 * step, "ms", peer="weights / bandwidth", peer_value=1000 * bound,
            ratio=step / bound, budget="", met=None,
        )  # fmt: skip
    for side in PICTURES:
        ours, plain = [], []
        for _ in range(ROUNDS):
            request = bench.request(bench.picture(side, side * 3 // 4), 1)
            ours.append(wait_for(step_loop(bench, 1), [request])[request.number].first_s)
            plain.append(bench.generate(request).first_s)
        yield row(
            f"first token, longest side {side} ({len(request.ids)} tokens)", 1000 * median(ours), "ms",
            peer="generate()", peer_value=1000 * median(plain), ratio=median(ours) / median(plain), budget="", met=None,
        )  # fmt: skip


def _step_bytes(bench: Bench) -> int:
    """Weights that every step reads: all of the text tower but the table of embeddings, of which it reads a line."""
    text = bench.model.model.language_model
    table = bench.model.get_input_embeddings().weight.nbytes
    read = sum(weight.nbytes for weight in text.parameters()) - table
    return read + int(bench.model.lm_head.weight.nbytes)


def _bandwidth(device: torch.device) -> float:
    """Bytes a second, read and written, of the largest copy."""
    source = torch.ones(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    rates = []
    for _ in range(2 * ROUNDS):
        _settle(device)
        began = time.perf_counter()
        target.copy_(source)
        _settle(device)
        rates.append(2 * COPIED / (time.perf_counter() - began))
    return max(rates)


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
