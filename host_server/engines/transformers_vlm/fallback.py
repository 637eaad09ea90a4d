"""`generate()` in the place of the step loop, one answer at a time, for models that the step loop cannot take.

Their caches forget (sliding windows), keep a running state instead of tokens (linear attention) or have two halves
(encoder and decoder): rows of such caches cannot be padded, joined, cut or shared. What is asked and told is the same.

`generate()` does not return before the end, so it runs in a thread of its own, in lock-step: it goes on only while
`step()` waits for its next token, and so the model still has one user at a time.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

import torch
from transformers.generation.streamers import BaseStreamer

from host_server.engines.transformers_vlm import memory
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.request import Ended, Happened, Reason, Request, room_for
from host_server.engines.transformers_vlm.row import Answer
from host_server.engines.transformers_vlm.vision import moved

__all__ = ["GenerateLoop"]

_log = logging.getLogger(__name__)


class GenerateLoop:
    """Speaks as `loop.StepLoop` does."""

    def __init__(self, loaded: Loaded, *, clock: Callable[[], float]) -> None:
        self._loaded = loaded
        self._clock = clock
        self._waiting: dict[int, Answer] = {}
        self._given_up: list[Ended] = []
        self._running: tuple[Answer, _Generation] | None = None

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs."""
        return not (self._waiting or self._given_up or self._running)

    def submit(self, request: Request) -> None:
        """Take a request. Raises `PromptTooLongError`; then nothing more is heard of it."""
        self._waiting[request.number] = Answer(
            request=request,
            limit=room_for(request, self._loaded.max_positions),
            image_tokens=request.ids.count(self._loaded.image_token),
            submitted=self._clock(),
        )

    def cancel(self, number: int) -> None:
        """Give a request up. `Ended` comes with the next step; nothing comes for one that has ended."""
        if number in self._waiting:
            answer = self._waiting.pop(number)
            self._given_up.append(answer.ended("cancelled", self._clock()))
        elif self._running is not None and self._running[0].request.number == number:
            self._running[1].given_up = True

    def close(self) -> None:
        """Leave everything where it is, for good: no thread is left. Nothing is told of it."""
        if self._running is not None:
            self._running[1].close()

    def step(self) -> list[Happened]:
        """One token of one answer."""
        happened: list[Happened] = [*self._given_up]
        self._given_up.clear()
        if self._running is None and self._waiting:
            number = min(self._waiting, key=lambda number: self._waiting[number].request.priority == "batch")
            answer = self._waiting.pop(number)
            answer.begun = self._clock()
            self._running = (answer, _Generation(self._loaded, answer))
        if self._running is not None:
            happened += self._go_on(*self._running)
        return happened

    def _go_on(self, answer: Answer, generation: "_Generation") -> list[Happened]:
        told = generation.next()
        if isinstance(told, int):
            happened, last = answer.add(told, self._loaded.eos, self._clock())
            if last is None:
                return happened
            generation.given_up = True
            generation.next()
        else:
            happened, last = [], told
        self._running = None
        return [*happened, answer.ended(last, self._clock())]


class _GivenUp(Exception):
    """The way out of `generate()`."""


class _Generation(BaseStreamer):
    """One call of `generate()`, halted between its tokens."""

    def __init__(self, loaded: Loaded, answer: Answer) -> None:
        self.given_up = False
        self._loaded = loaded
        self._answer = answer
        self._go = threading.Semaphore(0)
        self._told: queue.SimpleQueue[int | Reason | Exception] = queue.SimpleQueue()
        self._prompt_seen = False
        # A daemon: one that was never asked for its next token must not keep the process.
        self._thread = threading.Thread(target=self._run, name="generate", daemon=True)
        self._thread.start()

    def next(self) -> int | Reason:
        """Let it work until its next token, or its end. An error of the device is raised."""
        self._go.release()
        told = self._told.get()
        if not isinstance(told, Exception):
            return told
        if memory.out_of_memory(told):
            memory.release(self._loaded.device)
            return "memory"
        if not memory.ends_one(told):
            raise told
        _log.error("generate() failed", exc_info=told)
        return "error"

    def close(self) -> None:
        """Give it up where it is; afterwards its thread is gone."""
        self.given_up = True
        self._go.release()
        self._thread.join()

    def put(self, value: torch.Tensor) -> None:
        """The streamer's half: `generate()` brings the prompt first, then token by token."""
        if self._prompt_seen:
            self._told.put(int(value))
            self._wait()
        self._prompt_seen = True

    def end(self) -> None:
        """Said by `_run`, which knows why."""

    def _wait(self) -> None:
        self._go.acquire()
        if self.given_up:
            raise _GivenUp

    def _run(self) -> None:
        try:
            self._wait()
            self._generate()
            self._told.put("limit")
        except _GivenUp:
            self._told.put("cancelled")
        except Exception as error:  # ruff: ignore[blind-except]  # whoever waits for a token must hear of it
            self._told.put(error)

    def _generate(self) -> None:
        request, sampling = self._answer.request, self._answer.request.sampling
        ids = torch.tensor([request.ids], device=self._loaded.device)
        drawn: dict[str, Any] = {"do_sample": False}
        if not sampling.greedy:
            drawn = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
            if sampling.seed is not None:
                torch.manual_seed(sampling.seed % 2**63)
        self._loaded.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            **moved(request.inputs, self._loaded),
            max_new_tokens=self._answer.limit,
            eos_token_id=sorted(self._loaded.eos) or None,
            suppress_tokens=list(self._loaded.suppressed) or None,
            streamer=self,
            **drawn,
        )
