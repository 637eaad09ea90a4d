"""The step loop: requests in, tokens out, one turn at a time, in the one thread that owns the model.

```
 submit ─► scheduler ─► turn: park · join · a chunk of a prompt · a token for every row ─► Token, Ended
```
Between two tokens of a row lies at most one chunk of a prompt (`prefill_tokens`), or one picture's way through the
vision tower. What is given up is gone with the next `step()`.
"""

import logging
from collections.abc import Callable

import torch

from host_server.engines.transformers_vlm import memory
from host_server.engines.transformers_vlm.batch import Batch
from host_server.engines.transformers_vlm.kept import Kept
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.positions import positions_of
from host_server.engines.transformers_vlm.prefill import Prefill, can_be_divided
from host_server.engines.transformers_vlm.prefixes import PrefixTree, key_of
from host_server.engines.transformers_vlm.request import Ended, Happened, Reason, Request, room_for
from host_server.engines.transformers_vlm.row import Row
from host_server.engines.transformers_vlm.rows import BLOCK
from host_server.engines.transformers_vlm.sampling import Dice, Picker
from host_server.engines.transformers_vlm.scheduler import Scheduler
from host_server.engines.transformers_vlm.vision import Features

__all__ = ["StepLoop"]

_log = logging.getLogger(__name__)

_CHUNK = {"cuda": 512}
_CHUNK_ELSEWHERE = 128
"""Tokens of a prompt between two steps: tens of milliseconds on a card, some hundreds on a CPU."""
_FEATURES_SHARE = 8
"""One part in so many of the memory is for features of pictures."""


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
        budget = memory.free_share(loaded.device) if kv_bytes is None else kv_bytes
        self._loaded = loaded
        self._clock = clock
        self._chunk = prefill_tokens or _CHUNK.get(loaded.device.type, _CHUNK_ELSEWHERE)
        self._token_bytes = memory.bytes_per_token(loaded)
        self._features = Features(loaded, budget // _FEATURES_SHARE)
        self._kv_bytes = budget - budget // _FEATURES_SHARE
        self._kv_tokens = self._kv_bytes // self._token_bytes
        self._scheduler = Scheduler(max_rows=max_batch, kv_tokens=self._kv_tokens)
        self._picker = Picker(loaded.suppressed, loaded.device)
        self._batch = Batch(loaded, self._picker, max_batch)
        self._prefixes: PrefixTree[Kept] = PrefixTree()
        self._reuses = can_be_divided(loaded.model)
        self._requests: dict[int, tuple[Request, int, float]] = {}
        self._prefills: dict[int, Prefill] = {}
        self._ready: dict[int, tuple[Row, Kept]] = {}
        self._cancelled: set[int] = set()
        self._happened: list[Happened] = []

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing runs: `step()` would do nothing."""
        return self._scheduler.idle

    def submit(self, request: Request) -> None:
        """Take a request. Raises `PromptTooLongError`; then nothing more is heard of it."""
        limit = room_for(request, min(self._loaded.max_positions, self._kv_tokens // BLOCK * BLOCK - 1))
        self._requests[request.number] = (request, limit, self._clock())
        # Memory comes in blocks, see `rows.Rows`.
        needed = ((len(request.ids) + limit) // BLOCK + 1) * BLOCK
        self._scheduler.submit(request.number, request.priority, needed)

    def cancel(self, number: int) -> None:
        """Give a request up. `Ended` comes with the next step; nothing comes for one that has ended."""
        if number in self._requests:
            self._cancelled.add(number)

    @torch.inference_mode()
    def step(self) -> list[Happened]:
        """Do one turn: at most one chunk of a prompt and one token for each row."""
        for number in sorted(self._cancelled):
            self._give_up(number)
        self._cancelled.clear()
        turn = self._scheduler.turn()
        for number in turn.park:
            row = self._row(number)
            self._ready[number] = (row, self._batch.kept(row).copy())
            self._batch.leave(row)
        for number in turn.join:
            self._batch.join(*self._ready.pop(number))
        if turn.prefill is not None:
            self._fill(turn.prefill)
        if turn.decode:
            self._decode()
        happened, self._happened = self._happened, []
        return happened

    def _fill(self, number: int) -> None:
        """One piece of a prompt. What goes wrong here ends this request only, unless it is the card that fails."""
        try:
            prefill = self._prefills.get(number) or self._begin(number)
            logits = prefill.step()
            if logits is not None:
                self._filled(prefill, logits)
        except torch.AcceleratorError:
            raise
        except (RuntimeError, ValueError, MemoryError) as error:
            if memory.out_of_memory(error):
                self._forget()
                self._give_up(number, "memory")
            else:
                _log.exception("a prompt could not be computed")
                self._give_up(number, "error")

    def _begin(self, number: int) -> Prefill:
        request, limit, submitted = self._requests[number]
        row = Row(
            request=request,
            positions=positions_of(self._loaded.model, request, self._loaded.image_token),
            dice=Dice(request.sampling, self._loaded.device),
            limit=limit,
            image_tokens=request.ids.count(self._loaded.image_token),
            submitted=submitted,
            begun=self._clock(),
        )
        past = self._known_of(row)
        prefill = Prefill(self._loaded, row, self._features, past, self._chunk)
        self._prefills[number] = prefill
        self._prefixes.shrink(self._prefix_limit())
        return prefill

    def _known_of(self, row: Row) -> Kept | None:
        """What is remembered of the prompt's beginning. At least one token is left, to predict from."""
        if not self._reuses:
            return None
        row.cached, parts = self._prefixes.find(key_of(row.request, self._loaded.image_token)[:-1])
        return Kept.joined(parts) if parts else None

    def _filled(self, prefill: Prefill, logits: torch.Tensor) -> None:
        row, kept = prefill.row, prefill.kept
        token = int(self._picker.pick(logits, [row.dice]))
        if self._reuses:
            key = key_of(row.request, self._loaded.image_token)
            self._prefixes.keep(key, kept, self._prefix_limit())
        del self._prefills[row.request.number]
        self._scheduler.filled(row.request.number)
        self._ready[row.request.number] = (row, kept)
        self._emit(row, token)

    def _decode(self) -> None:
        """A token for every row. Out of memory: first without what is remembered, then without the youngest row."""
        while len(self._batch):
            try:
                picked = self._batch.step()
            except (RuntimeError, MemoryError) as error:
                if not memory.out_of_memory(error):
                    raise
                if not self._forget():
                    self._end(max(self._batch, key=lambda row: row.submitted), "memory")
            else:
                for row, token in picked:
                    self._emit(row, token)
                return

    def _emit(self, row: Row, token: int) -> None:
        told, last = row.add(token, self._loaded.eos, self._clock())
        self._happened += told
        if last is not None:
            self._end(row, last)

    def _give_up(self, number: int, reason: Reason = "cancelled") -> None:
        """End a request, whether it was begun or not."""
        if number not in self._requests:
            return
        request, _, submitted = self._requests[number]
        if (row := self._find(number)) is not None:
            self._end(row, reason)
            return
        self._forget_request(number)
        waited = self._clock() - submitted
        images = request.ids.count(self._loaded.image_token)
        self._happened.append(
            Ended(number, reason, input_tokens=len(request.ids), image_tokens=images, waited_s=waited)
        )

    def _end(self, row: Row, reason: Reason) -> None:
        number = row.request.number
        if row in self._batch:
            if reason in {"end", "limit"} and self._reuses:
                key = key_of(row.request, self._loaded.image_token, row.tokens[:-1])
                self._prefixes.keep(key, self._batch.kept(row), self._prefix_limit())
            self._batch.leave(row)
        self._forget_request(number)
        self._happened.append(row.ended(reason, self._clock()))

    def _forget_request(self, number: int) -> None:
        self._requests.pop(number, None)
        self._prefills.pop(number, None)
        self._ready.pop(number, None)
        self._scheduler.ended(number)

    def _find(self, number: int) -> Row | None:
        """The row of a request that was begun."""
        if number in self._prefills:
            return self._prefills[number].row
        if number in self._ready:
            return self._ready[number][0]
        return next((row for row in self._batch if row.request.number == number), None)

    def _row(self, number: int) -> Row:
        return next(row for row in self._batch if row.request.number == number)

    def _prefix_limit(self) -> int:
        """Bytes that may be remembered: what is not promised to those who run."""
        return max(0, self._kv_bytes - self._scheduler.promised * self._token_bytes)

    def _forget(self) -> bool:
        """Free what can be computed again. Whether there was any."""
        kept = self._prefixes.nbytes + self._features.nbytes
        self._prefixes.shrink(0)
        self._features.clear()
        memory.release(self._loaded.device)
        return kept > 0
