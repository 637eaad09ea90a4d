"""Asking the step loop with token ids and tensors, and asking `generate()` the same for comparison."""

import hashlib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from host_server.engines.options import EngineOptions
from host_server.engines.transformers_vlm.load import load
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.loop import StepLoop
from host_server.engines.transformers_vlm.loops import Loop
from host_server.engines.transformers_vlm.request import Ended, Request, Token

__all__ = ["Clock", "Heard", "alone", "answers", "ask", "follow_up", "noise", "sharp", "step_loop", "until_idle"]

_SHARPER = 8.0


class Clock:
    """Goes on by itself, a second each time somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def sharp(folder: Path) -> Loaded:
    """A tiny model whose random weights are blown up, so that an answer depends on all of its prompt, and never ends.

    As they come, such models say nearly the same whatever they are shown.
    """
    loaded = load(str(folder), EngineOptions(device="cpu", dtype="float32", threads=1, offline=True))
    with torch.no_grad():
        for weights in loaded.model.parameters():
            if weights.dim() > 1:
                weights.mul_(_SHARPER)
    loaded.model.generation_config.eos_token_id = None
    return replace(loaded, eos=frozenset())


def noise(width: int, height: int, seed: int) -> Image.Image:
    """A picture that is unlike any other."""
    pixels = torch.randint(0, 256, (height, width, 3), generator=torch.Generator().manual_seed(seed))
    return Image.frombytes("RGB", (width, height), bytes(pixels.flatten().tolist()))


def ask(loaded: Loaded, number: int, text: str, *pictures: Image.Image, **how: Any) -> Request:
    """A question about pictures, as the processor makes it."""
    content = [*({"type": "image", "image": picture} for picture in pictures), {"type": "text", "text": text}]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy's, about tensors that a processor gives it
        made = loaded.processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
    ids = tuple(made.pop("input_ids")[0].tolist())
    made.pop("attention_mask")
    digests = tuple(hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures)
    return Request(number, ids, dict(made), digests, **how)


def follow_up(loaded: Loaded, request: Request, answer: Iterable[int], number: int, text: str) -> Request:
    """The next question of a conversation: all that was said, token by token, and what is asked now."""
    asked = loaded.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    ids = (*request.ids, *answer, *asked)
    inputs = dict(request.inputs)
    if "mm_token_type_ids" in inputs:
        inputs["mm_token_type_ids"] = (torch.tensor([ids]) == loaded.image_token).int()
    return replace(request, number=number, ids=ids, inputs=inputs)


def alone(loaded: Loaded, request: Request) -> list[int]:
    """What `generate()` answers, greedily, with the model to itself."""
    ids = torch.tensor([request.ids])
    answer = loaded.model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        **request.inputs,
        max_new_tokens=request.max_new_tokens,
        do_sample=False,
    )
    told: list[int] = answer[0, ids.shape[1] :].tolist()
    return told


def step_loop(loaded: Loaded, *, max_batch: int = 4, kv_bytes: int = 64 * 2**20, chunk: int | None = None) -> StepLoop:
    return StepLoop(loaded, max_batch=max_batch, kv_bytes=kv_bytes, prefill_tokens=chunk, clock=Clock())


@dataclass
class Heard:
    """All that a loop told."""

    tokens: dict[int, list[int]] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)

    def step(self, loop: Loop) -> None:
        for happened in loop.step():
            assert happened.number not in self.ended
            if isinstance(happened, Token):
                self.tokens.setdefault(happened.number, []).append(happened.token)
            else:
                self.ended[happened.number] = happened


def until_idle(loop: Loop, heard: Heard | None = None, each: Callable[[], object] = lambda: None) -> Heard:
    """Let it work until there is nothing to do; `each` is called before every step."""
    heard = heard or Heard()
    for _ in range(10_000):
        if loop.idle:
            return heard
        each()
        heard.step(loop)
    raise AssertionError("the loop comes to no end")


def answers(loop: Loop, *requests: Request) -> dict[int, list[int]]:
    """What is answered to questions asked at once."""
    for request in requests:
        loop.submit(request)
    return until_idle(loop).tokens
