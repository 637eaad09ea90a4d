"""A model of random weights, questions for it, and the two ways to answer them: the step loop, and plain `generate()`.

Stands on torch, transformers, pillow and the engine itself, so that it also runs on a machine that has nothing else.
"""

import copy
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image

from host_server.core.question import PreparedPicture, PreparedQuestion
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.loop import StepLoop
from host_server.engines.transformers_vlm.processor import load_processor
from host_server.engines.transformers_vlm.prompt import Prompter
from host_server.engines.transformers_vlm.request import Ended, Request, Token
from tools.tiny_vlm.make import processor_files, untrained

__all__ = ["Bench", "Told", "step_loop", "wait_for"]

FAMILY: Final = "glm46v"
LONGEST_EDGE: Final = 9_633_792
"""Pixels that GLM-4.6V-Flash's own processor takes at most."""
KV_BYTES: Final = 4 * 1024**3
ONE_PIECE: Final = 1 << 20
"""No prompt is longer: it goes through the model at once."""


@dataclass(slots=True)
class Told:
    """What came of one request, and when, in seconds of `time.perf_counter`."""

    asked: float
    tokens: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    ended: Ended | None = None

    @property
    def first_s(self) -> float:
        """From the question to its first token."""
        return self.at[0] - self.asked

    @property
    def gaps_s(self) -> list[float]:
        """Between one token and the next."""
        return [later - sooner for sooner, later in zip(self.at, self.at[1:], strict=False)]


class Bench:
    """One model, and questions about pictures that nobody has seen before."""

    def __init__(self, shape: str, device: str, dtype: torch.dtype, *, quantize: str) -> None:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = processor_files(Path(folder), FAMILY)
            _take_large_pictures(Path(folder, "preprocessor_config.json"))
            processor = load_processor(Path(folder), shape)
        self.model: Any = untrained(tokenizer, FAMILY, shape, device=device, dtype=dtype)
        if quantize == "int8":
            _to_int8(self.model, device)
        self.model.generation_config.eos_token_id = None  # every answer has its full length
        # The step loop lays weights out anew on a CPU; its peer keeps those that transformers made.
        self._plain: Any = copy.deepcopy(self.model) if device == "cpu" else self.model
        self.loaded = Loaded(
            model=self.model,
            processor=processor,
            device=torch.device(device),
            dtype=dtype,
            eos=frozenset(),
            suppressed=tuple(self.model.generation_config.suppress_tokens),
            max_positions=32_768,
            image_token=self.model.config.image_token_id,
            name=shape,
        )
        self.exact = dtype == torch.float32 and quantize == "none"
        """Whether rounding cannot change which token is the likeliest; with fewer bits near ties fall either way."""
        self._prompter = Prompter(processor)
        self._pictures = 0
        self._requests = 0

    def picture(self, width: int, height: int) -> PreparedPicture:
        """Noise, other each time: nothing that is remembered of another one helps."""
        self._pictures += 1
        noise = torch.Generator().manual_seed(self._pictures)
        rows = torch.randint(0, 256, (height // 8, width // 8, 3), dtype=torch.uint8, generator=noise)
        file = io.BytesIO()
        Image.fromarray(rows.numpy()).resize((width, height)).save(file, "JPEG", quality=90)
        jpeg = file.getvalue()
        return PreparedPicture(
            sha256=f"{self._pictures:064x}",
            width=width,
            height=height,
            jpeg=jpeg,
            original_width=width,
            original_height=height,
            original_bytes=len(jpeg),
            original_media_type="image/jpeg",
        )

    def request(self, picture: PreparedPicture, tokens: int, text: str = "What is the total?") -> Request:
        """A question about it."""
        self._requests += 1
        prompt = self._prompter.prompt(PreparedQuestion(text, (picture,)))
        return Request(self._requests, prompt.ids, prompt.inputs, prompt.pictures, max_new_tokens=tokens)

    def generate(self, request: Request) -> Told:
        """Answer with transformers' own `generate()`, greedily."""
        told = Told(time.perf_counter())
        ids = torch.tensor([request.ids], device=self.loaded.device)
        inputs = {name: value.to(self.loaded.device) for name, value in request.inputs.items()}
        if "pixel_values" in inputs:
            inputs["pixel_values"] = inputs["pixel_values"].to(self.loaded.dtype)
        with torch.inference_mode():
            self._plain.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                **inputs,
                max_new_tokens=request.max_new_tokens,
                do_sample=False,
                streamer=_Watch(told),
            )
        return told

    def lead(self, request: Request, answer: Sequence[int], other: Sequence[int]) -> float:
        """How far apart, in logits, plain `generate()` holds the first two tokens in which the answers differ."""
        at = next(n for n, (one, two) in enumerate(zip(answer, other, strict=True)) if one != two)
        ids = torch.tensor([[*request.ids, *answer[:at]]], device=self.loaded.device)
        inputs = {name: value.to(self.loaded.device) for name, value in request.inputs.items()}
        if (kinds := inputs.get("mm_token_type_ids")) is not None:
            inputs["mm_token_type_ids"] = torch.nn.functional.pad(kinds, (0, at))
        with torch.inference_mode():
            logits = self._plain(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs).logits[0, -1]
        return abs(float(logits[answer[at]] - logits[other[at]]))


def step_loop(bench: Bench, rows: int, *, chunk: int | None = None) -> StepLoop:
    """Ours. `chunk`: tokens of a prompt between two steps."""
    return StepLoop(bench.loaded, max_batch=rows, kv_bytes=KV_BYTES, prefill_tokens=chunk, clock=time.monotonic)


def wait_for(
    loop: StepLoop, requests: Sequence[Request], *, at_each_step: Callable[[dict[int, Told]], None] = lambda _told: None
) -> dict[int, Told]:
    """Ask all of them at once and work until the loop is idle; `at_each_step` may ask more."""
    told: dict[int, Told] = {}
    for request in requests:
        told[request.number] = Told(time.perf_counter())
        loop.submit(request)
    while not loop.idle:
        for happened in loop.step():
            one = told[happened.number]
            if isinstance(happened, Token):
                one.tokens.append(happened.token)
                one.at.append(time.perf_counter())
            else:
                one.ended = happened
        at_each_step(told)
    return told


class _Watch:
    """The streamer's protocol; the first thing that is put is the prompt."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._prompt = True

    def put(self, value: torch.Tensor) -> None:
        """The next token."""
        if not self._prompt:
            self._told.tokens.append(int(value))
            self._told.at.append(time.perf_counter())
        self._prompt = False

    def end(self) -> None:
        """No more."""


def _take_large_pictures(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    told["size"]["longest_edge"] = LONGEST_EDGE
    path.write_text(json.dumps(told), encoding="utf-8")


def _to_int8(model: Any, device: str) -> None:
    """As `from_pretrained` does with a quantisation of 8 bits, for a model that was never on a disk."""
    import bitsandbytes as bnb

    for parent in model.model.language_model.modules():
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear:
                quick = bnb.nn.Linear8bitLt(
                    child.in_features, child.out_features, bias=child.bias is not None, has_fp16_weights=False
                )
                quick.weight = bnb.nn.Int8Params(child.weight.data.cpu(), requires_grad=False, has_fp16_weights=False)
                quick.bias = child.bias
                setattr(parent, name, quick.to(device))
