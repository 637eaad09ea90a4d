"""What is there once a model is loaded: its prompts, its step loop, and the way from a question to the loop."""

import io
import time
from dataclasses import dataclass
from typing import Final

import torch

from host_server.core.question import PreparedPicture, PreparedQuestion
from host_server.engines.base import EngineError
from host_server.engines.options import EngineOptions
from host_server.engines.transformers_vlm.decode import Decoder, silent_tokens
from host_server.engines.transformers_vlm.floor import Ask, Floor
from host_server.engines.transformers_vlm.load import load
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.loops import loop_for
from host_server.engines.transformers_vlm.prompt import Prompter
from host_server.engines.transformers_vlm.request import Request, Sampling

__all__ = ["Mind", "mind_of", "wake"]

_MOST_TOKENS: Final = 4096
"""Of an answer whose length the question does not limit; room for a long thinking and an answer."""
_FIRST_SIDE: Final = 112
_FIRST_TOKENS: Final = 2


@dataclass(frozen=True, slots=True)
class Mind:
    """`ask` belongs to the prompt thread, `floor` to the model's; they share nothing that changes."""

    floor: Floor
    prompter: Prompter
    device: torch.device

    @property
    def device_bytes(self) -> int:
        """Of a card's memory, what this process holds, caches of the allocator included; may be asked anywhere."""
        return torch.cuda.memory_reserved(self.device) if self.device.type == "cuda" else 0

    def ask(self, number: int, question: PreparedQuestion) -> Ask:
        """Make a question ready for the floor. Takes milliseconds for each picture; raises `EngineError`."""
        prompt = self.prompter.prompt(question)
        request = Request(
            number=number,
            ids=prompt.ids,
            inputs=prompt.inputs,
            pictures=prompt.pictures,
            max_new_tokens=question.max_output_tokens or _MOST_TOKENS,
            sampling=Sampling(
                temperature=question.temperature or 0.0,
                top_p=1.0 if question.top_p is None else question.top_p,
                seed=question.seed,
            ),
            priority=question.priority,
            asker=question.asker,
        )
        return Ask(request, thinking=prompt.thinking, stop=question.stop)


def wake(model: str, options: EngineOptions) -> Mind:
    """Load a model and let it say its first words. Takes seconds to minutes; raises `EngineError`.

    So what cannot work is known now, and the first question is as quick as the later ones.
    """
    mind = mind_of(load(model, options), options)
    _first_words(mind)
    return mind


def mind_of(loaded: Loaded, options: EngineOptions) -> Mind:
    """Put a loaded model to work. Raises `EngineError` when it cannot be talked to."""
    tokenizer = getattr(loaded.processor.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise EngineError(
            f"The tokenizer of {loaded.name} is of a kind that cannot be read while it writes.",
            hint="Take a checkpoint with a tokenizer.json.",
        )
    silent = silent_tokens(tokenizer)
    steps = loop_for(loaded, max_batch=options.max_batch, kv_bytes=options.kv_bytes, clock=time.monotonic)
    return Mind(
        floor=Floor(steps, lambda: Decoder(tokenizer, silent).add),
        prompter=Prompter(loaded.processor, thinking=options.thinking),
        device=loaded.device,
    )


def _first_words(mind: Mind) -> None:
    question = PreparedQuestion("What is this?", (_grey(_FIRST_SIDE),), max_output_tokens=_FIRST_TOKENS)
    mind.floor.ask(mind.ask(0, question))
    while not mind.floor.idle:
        for news in mind.floor.step():
            if isinstance(news.told, EngineError):
                raise news.told


def _grey(side: int) -> PreparedPicture:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (side, side), "grey").save(out, "JPEG")
    jpeg = out.getvalue()
    return PreparedPicture("", side, side, jpeg, side, side, len(jpeg), "image/jpeg")
