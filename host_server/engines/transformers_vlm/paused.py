"""Work that is done a piece at a time although it is one call: a picture's way through the vision tower.

```
 the model's thread   go_on ─┐     ┌─► a token for every row ─► go_on ─┐     ┌─► …  result, or what was raised
 a thread of its own         └─ layers ─ pause                          └─ layers ─ …
```
A tower is one loop over its layers, in each family another one. It is left as it is, and halted in front of a layer by
a hook: the call has a thread of its own, which goes on only while `go_on` waits for it, so that the model still has
one user at a time. PyTorch's modes are a thread's own: `work` sets what it needs.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import torch

__all__ = ["InPieces", "pausing"]

_T = TypeVar("_T")


class _GivenUp(BaseException):
    """The way out of the work; no model's own `except Exception` stops it."""


class InPieces(Generic[_T]):
    """`work(pause)`, from one call of `pause` to the next. Nothing is begun before the first `go_on`."""

    def __init__(self, work: Callable[[Callable[[], None]], _T]) -> None:
        self._work = work
        self._go = threading.Semaphore(0)
        self._halted = threading.Semaphore(0)
        self._given_up = False
        self._result: _T | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._over = False

    def go_on(self) -> _T | None:
        """Work up to the next pause, then `None`; at the end the result. Raises what the work raises.

        Its thread is gone then. Not to be called again after that, nor after `close`.
        """
        if self._thread is None:
            # A daemon: one that nobody closes must not keep the process.
            thread = threading.Thread(target=self._run, name="piece by piece", daemon=True)
            thread.start()
            self._thread = thread
        self._go.release()
        self._halted.acquire()
        if not self._over:
            return None
        self._thread.join()
        # An error holds on to all tensors on its way: neither this object nor this frame may hold on to it.
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error
        return self._result

    def close(self) -> None:
        """Give it up where it is; afterwards it is unwound and its thread gone. Does nothing at its end."""
        if self._thread is not None:
            self._given_up = True
            self._go.release()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._go.acquire()
            if not self._given_up:
                self._result = self._work(self._pause)
        except _GivenUp:
            pass
        except BaseException as error:  # ruff: ignore[blind-except]  # whoever waits must hear of it
            self._error = error
        finally:
            self._over = True
            self._halted.release()

    def _pause(self) -> None:
        if not self._given_up:
            self._halted.release()
            self._go.acquire()
        if self._given_up:
            raise _GivenUp


@contextmanager
def pausing(model: Any, tokens: int, pause: Callable[[], None]) -> Generator[None, None, None]:
    """While this lasts, `pause` is called between layers of the model's towers that are not its language model's.

    It is called as seldom as it can be without a piece that costs more than `tokens` tokens of a prompt in the
    language model, unless a single layer does; what lies in front of the layers and behind them is not counted. Only
    for the thread that entered; another one may be in the same layers.
    """
    decoder = model.get_decoder()
    most = tokens * (_weights(decoder) - _weights(decoder.get_input_embeddings()))
    mine, spent = threading.get_ident(), 0

    def before(layer: torch.nn.Module, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        nonlocal spent
        if threading.get_ident() != mine:
            return
        cost = _cost(layer, (*arguments, *named.values()))
        if spent and spent + cost > most:
            pause()
            spent = 0
        spent += cost

    hooks = [layer.register_forward_pre_hook(before, with_kwargs=True) for layer in _layers(model, decoder)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _layers(model: Any, decoder: Any) -> list[torch.nn.Module]:
    own = set(decoder.modules())
    stacks = [stack for stack in model.modules() if isinstance(stack, torch.nn.ModuleList) and stack not in own]
    return [layer for stack in stacks for layer in stack]


def _cost(layer: torch.nn.Module, given: tuple[Any, ...]) -> int:
    """Multiplications for states (…, length, width): weights, and each with each in attention's two products."""
    states = next((value for value in given if isinstance(value, torch.Tensor) and value.dim() > 1), None)
    if states is None or not states.numel():
        return 0
    length, width = states.shape[-2:]
    return states.numel() // width * (_weights(layer) + 2 * length * width)


def _weights(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())
