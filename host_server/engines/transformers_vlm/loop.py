"""The step loop: requests in, tokens out, one turn at a time, in the one thread that owns the model.

```
 submit ─► scheduler ─► turn: park · join · a chunk of a prompt · a token for every row ─► Token, Ended
```
Between two tokens of a row that somebody waits for lies at most one chunk of a prompt (`prefill_tokens`), or what costs
no more of a picture's way through the vision tower, but at least one of its layers. What is given up is gone with the
next `step()`.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from host_server.engines.transformers_vlm import memory
from host_server.engines.transformers_vlm.batch import Batch
from host_server.engines.transformers_vlm.kept import Kept
from host_server.engines.transformers_vlm.layout import lay_out_for_rows
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.positions import positions_of
from host_server.engines.transformers_vlm.prefill import Prefill
from host_server.engines.transformers_vlm.remembered import Remembered
from host_server.engines.transformers_vlm.request import Happened, Reason, Request, room_for
from host_server.engines.transformers_vlm.row import Row
from host_server.engines.transformers_vlm.rows import columns_for, longest_in
from host_server.engines.transformers_vlm.sampling import Dice, Picker
from host_server.engines.transformers_vlm.scheduler import Scheduler

__all__ = ["StepLoop"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_CHUNK = {"cuda": 512}
_CHUNK_ELSEWHERE = 128
"""Tokens of a prompt between two steps: tens of milliseconds on a card, some hundreds on a CPU."""
_FREELY = 4096
"""Tokens of an answer for which memory is promised however little there is; more only within a row's share."""


class StepLoop:
    """See the module's docstring. Everything is called in one thread."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        max_batch: int,
        kv_bytes: int | None,
        prefill_tokens: int | None = None,
        clock: Callable[[], float],
    ) -> None:
        """`kv_bytes` is for rows, remembered prompts and pictures together; `None`: a share of what is free."""
        lay_out_for_rows(loaded)
        self._loaded = loaded
        self._clock = clock
        self._chunk = prefill_tokens or _CHUNK.get(loaded.device.type, _CHUNK_ELSEWHERE)
        self._remembered = Remembered(loaded, memory.free_share(loaded.device) if kv_bytes is None else kv_bytes)
        self._token_bytes = memory.bytes_per_token(loaded)
        self._kv_tokens = self._remembered.kv_bytes // self._token_bytes
        self._share = self._kv_tokens // max_batch
        self._scheduler = Scheduler(max_rows=max_batch, kv_tokens=self._kv_tokens)
        self._picker = Picker(loaded.suppressed, loaded.device)
        self._batch = Batch(loaded, self._picker)
        self._waiting: dict[int, Row] = {}
        self._prefills: dict[int, Prefill] = {}
        self._ready: dict[int, tuple[Row, Kept]] = {}
        self._given_up: list[int] = []
        self._happened: list[Happened] = []

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs: `step()` would do nothing."""
        return self._scheduler.idle

    @property
    def nbytes(self) -> int:
        """Bytes held for rows, prompts and pictures, those that are remembered included."""
        prompts = [prefill.kept for prefill in self._prefills.values()] + [kept for _, kept in self._ready.values()]
        return self._batch.nbytes + self._remembered.nbytes + sum(kept.nbytes for kept in prompts)

    def submit(self, request: Request) -> None:
        """Take a request. Raises `PromptTooLongError`; then nothing more is heard of it."""
        limit = room_for(request, min(self._loaded.max_positions, longest_in(self._kv_tokens)))
        # Memory is promised as if all of it were said: a limit of a million must not keep everybody else waiting.
        limit = min(limit, max(_FREELY, longest_in(self._share) - len(request.ids)))
        self._waiting[request.number] = Row(
            request=request,
            limit=limit,
            image_tokens=request.ids.count(self._loaded.image_token),
            submitted=self._clock(),
            dice=Dice(request.sampling, self._loaded.device),
        )
        self._scheduler.submit(request.number, request.priority, columns_for(len(request.ids) + limit))

    def cancel(self, number: int) -> None:
        """Give a request up. `Ended` comes with the next step; nothing comes for one that has ended."""
        self._given_up.append(number)

    def close(self) -> None:
        """Leave everything where it is, for good: no thread is left. Nothing is told of it."""
        for prefill in self._prefills.values():
            prefill.close()

    @torch.inference_mode()
    def step(self) -> list[Happened]:
        """Do one turn: at most one chunk of a prompt and one token for each row."""
        for number in self._given_up:
            if (row := self._find(number)) is not None:
                self._end(row, "cancelled")
        self._given_up.clear()
        turn = self._scheduler.turn()
        for row in [row for row in self._batch if row.request.number in turn.park]:
            self._park(row)
        for number in turn.join:
            self._join(*self._ready.pop(number))
        if turn.prefill is not None:
            self._fill(turn.prefill)
        if turn.decode:
            self._decode()
        happened, self._happened = self._happened, []
        return happened

    def _park(self, row: Row) -> None:
        kept = self._afford(lambda: self._batch.kept(row).copy())
        if kept is None:
            self._end(row, "memory")
            return
        self._batch.leave(row)
        self._ready[row.request.number] = (row, kept)

    def _join(self, row: Row, kept: Kept) -> None:
        if not self._afford(lambda: self._batch.join(row, kept)):
            self._end(row, "memory")

    def _decode(self) -> None:
        """A token for every row; where there is no memory for that, without the youngest."""
        while len(self._batch):
            picked = self._afford(self._batch.step)
            if picked is not None:
                for row, token in picked:
                    self._add(row, token)
                return
            self._end(max(self._batch, key=lambda row: row.submitted), "memory")

    def _fill(self, number: int) -> None:
        """One piece of a prompt. What goes wrong here ends this request only, unless it is the device."""
        prefill: Prefill | None = self._prefills.get(number)
        row = self._waiting.pop(number) if prefill is None else prefill.row
        try:
            prefill = prefill or self._begin(row)
            logits = prefill.step()
            if logits is not None:
                self._filled(prefill, logits)
        except (RuntimeError, ValueError, MemoryError) as error:
            if memory.out_of_memory(error):
                self._remembered.forget()
                self._end(row, "memory")
            elif memory.ends_one(error):
                _log.exception("a prompt could not be computed")
                self._end(row, "error")
            else:
                raise

    def _begin(self, row: Row) -> Prefill:
        row.begun = self._clock()
        positions = positions_of(self._loaded.model, row.request, self._loaded.image_token)
        row.after_prompt = positions.following
        self._batch.trim()
        row.cached, past = self._remembered.known(row.request, self._room())
        prefill = Prefill(self._loaded, row, positions, self._remembered.features, past, self._chunk)
        self._prefills[row.request.number] = prefill
        return prefill

    def _filled(self, prefill: Prefill, logits: torch.Tensor) -> None:
        row, kept = prefill.row, prefill.kept
        token = int(self._picker.pick(logits, [row.dice]))
        self._remembered.keep(row.request, (), kept, self._room())
        del self._prefills[row.request.number]
        self._ready[row.request.number] = (row, kept)
        self._scheduler.filled(row.request.number)
        self._add(row, token)

    def _add(self, row: Row, token: int) -> None:
        told, last = row.add(token, self._loaded.eos, self._clock())
        self._happened += told
        if last is not None:
            self._end(row, last)

    def _end(self, row: Row, reason: Reason) -> None:
        number = row.request.number
        if row in self._batch:
            if reason in {"end", "limit"}:
                self._remembered.keep(row.request, row.tokens[:-1], self._batch.kept(row), self._room())
            self._batch.leave(row)
        if (prefill := self._prefills.pop(number, None)) is not None:
            prefill.close()
        self._waiting.pop(number, None)
        self._ready.pop(number, None)
        self._scheduler.ended(number)
        self._happened.append(row.ended(reason, self._clock()))

    def _find(self, number: int) -> Row | None:
        """The row of a request, wherever it is."""
        if number in self._prefills:
            return self._prefills[number].row
        if number in self._ready:
            return self._ready[number][0]
        return self._waiting.get(number) or self._batch.row(number)

    def _room(self) -> int:
        """Bytes of keys and values that may be remembered: what is neither promised to those who run nor in use."""
        return max(0, self._remembered.kv_bytes - max(self._scheduler.promised * self._token_bytes, self._batch.nbytes))

    def _afford(self, work: Callable[[], _T]) -> _T | None:
        """Do what changes nothing when it fails. Out of memory: again without what is remembered, else `None`."""
        while True:
            try:
                return work()
            except (RuntimeError, MemoryError) as error:
                if not memory.out_of_memory(error):
                    raise
            if not self._remembered.forget():
                return None
