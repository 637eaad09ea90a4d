"""A picture goes through the vision tower piece by piece, and nothing of it is left behind, however it ends."""

import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `gpu` is not installed")

from host_server.engines.transformers_vlm.loaded import Loaded  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.loop import StepLoop  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.paused import (  # ruff: ignore[module-import-not-at-top-of-file]
    InPieces,
    pausing,
)
from tests.support.step_loop import (  # ruff: ignore[module-import-not-at-top-of-file]
    Heard,
    alone,
    ask,
    noise,
    sharp,
    step_loop,
    until_idle,
)

SMALL = 4
"""Tokens of a prompt that cost less than one layer of a tiny tower, for the pictures asked about here."""


@pytest.fixture(scope="module")
def model(tiny_model: Callable[[str], Path]) -> Callable[[str], Loaded]:
    return cache(lambda family: sharp(tiny_model(family)))


@pytest.fixture
def glm(model: Callable[[str], Loaded]) -> Loaded:
    return model("glm4v")


def layers(loaded: Loaded) -> list[Any]:
    """Of the vision tower."""
    own = set(loaded.model.get_decoder().modules())
    stacks = [part for part in loaded.model.modules() if isinstance(part, torch.nn.ModuleList) and part not in own]
    return [layer for stack in stacks for layer in stack]


def left_behind(loaded: Loaded) -> tuple[list[str], int]:
    """Threads of pieces, and hooks that pause."""
    threads = [thread.name for thread in threading.enumerate() if thread.name == "piece by piece"]
    hooks = [hook for layer in layers(loaded) for hook in layer._forward_pre_hooks.values()]
    return threads, len(hooks)


@contextmanager
def looking(loaded: Loaded, look: Callable[[int], None]) -> Generator[None, None, None]:
    """`look` is told which layer of the tower comes next."""
    hooks = [
        layer.register_forward_hook(lambda *_, number=number: look(number))
        for number, layer in enumerate(layers(loaded))
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def begun(loaded: Loaded, *, max_batch: int = 4, **how: Any) -> tuple[StepLoop, Heard]:
    """A loop with one answer on its way, and a second question whose picture is half seen."""
    loop, heard = step_loop(loaded, chunk=SMALL, max_batch=max_batch), Heard()
    loop.submit(ask(loaded, 1, "Why?", max_new_tokens=60))
    while not heard.tokens:
        heard.step(loop)
    loop.submit(ask(loaded, 2, "What is it?", noise(112, 112, seed=1), max_new_tokens=6, **how))
    seen: list[int] = []
    with looking(loaded, seen.append):
        while not seen:
            heard.step(loop)
    assert seen == [0]
    return loop, heard


@pytest.mark.parametrize("family", ["glm4v", "glm46v", "qwen2_5_vl", "idefics3", "llava"])
def test_whoever_is_answered_gets_a_token_between_two_layers_of_anothers_picture(
    family: str, model: Callable[[str], Loaded]
) -> None:
    loaded = model(family)
    loop, heard = begun(loaded)
    at: list[int] = [len(heard.tokens[1]) - 1]
    with looking(loaded, lambda _: at.append(len(heard.tokens[1]))):
        until_idle(loop, heard)
    # A step for each layer, with a token in it for the one who is answered.
    assert at == [*range(at[0], at[0] + len(at))]
    assert len(at) >= 2
    assert heard.tokens[1] == alone(loaded, ask(loaded, 1, "Why?", max_new_tokens=60))
    assert heard.tokens[2] == alone(loaded, ask(loaded, 2, "What is it?", noise(112, 112, seed=1), max_new_tokens=6))
    assert left_behind(loaded) == ([], 0)


def test_a_piece_costs_no_more_than_a_chunk_and_is_no_smaller_than_that(glm: Loaded) -> None:
    seen: list[int] = []
    loop = step_loop(glm, chunk=100_000)
    loop.submit(ask(glm, 1, "What is it?", noise(112, 112, seed=1), max_new_tokens=1))
    with looking(glm, seen.append):
        loop.step()
    assert seen == [0, 1]


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_picture_half_seen_is_given_up_and_leaves_nothing(glm: Loaded, how: str) -> None:
    loop, heard = begun(glm)
    assert left_behind(glm) == (["piece by piece"], len(layers(glm)))
    if how == "close":
        loop.close()
    else:
        loop.cancel(2)
        heard.step(loop)
        assert heard.ended[2].reason == "cancelled"
        until_idle(loop, heard)
        assert len(heard.tokens[1]) == 60
    assert left_behind(glm) == ([], 0)


@pytest.mark.parametrize(
    ("error", "reason"), [(RuntimeError("no such kernel"), "error"), (torch.OutOfMemoryError("none left"), "memory")]
)
def test_what_goes_wrong_in_the_tower_ends_that_answer_only(glm: Loaded, error: Exception, reason: str) -> None:
    loop, heard = begun(glm)

    def fail(_: int) -> None:
        raise error

    with looking(glm, fail):
        until_idle(loop, heard)
    assert heard.ended[2].reason == reason
    assert heard.tokens == {1: alone(glm, ask(glm, 1, "Why?", max_new_tokens=60))}
    assert left_behind(glm) == ([], 0)


def test_who_overtakes_with_the_same_picture_is_not_disturbed_and_the_other_takes_what_was_seen(glm: Loaded) -> None:
    loop, heard = begun(glm, priority="batch")
    overtaking = ask(glm, 3, "Now!", noise(112, 112, seed=1), max_new_tokens=2)
    other = ask(glm, 4, "And that?", noise(84, 140, seed=2), max_new_tokens=2)
    loop.submit(overtaking)
    loop.submit(other)
    seen: list[int] = []
    with looking(glm, seen.append):
        until_idle(loop, heard)
    assert seen == [0, 1] * 2
    first = ask(glm, 2, "What is it?", noise(112, 112, seed=1), max_new_tokens=6)
    for request in (first, overtaking, other):
        assert heard.tokens[request.number] == alone(glm, request)
    assert left_behind(glm) == ([], 0)


def test_a_model_without_layers_to_pause_at_is_not_paused(glm: Loaded) -> None:
    bare = replace(glm, model=glm.model.get_decoder())
    with pausing(bare.model, 0, lambda: pytest.fail("paused")):
        bare.model(inputs_embeds=torch.zeros(1, 3, bare.model.config.hidden_size))


class TestInPieces:
    def test_it_works_only_while_somebody_waits_and_then_tells_its_result(self) -> None:
        done: list[int] = []

        def work(pause: Callable[[], None]) -> str:
            for number in range(3):
                done.append(number)
                pause()
            return "all"

        pieces = InPieces(work)
        assert done == []
        told = [(pieces.go_on(), len(done)) for _ in range(4)]
        assert told == [(None, 1), (None, 2), (None, 3), ("all", 3)]
        pieces.close()

    def test_given_up_it_is_unwound_even_where_the_work_catches_everything(self) -> None:
        left: list[str] = []

        def work(pause: Callable[[], None]) -> None:
            for name in ("first", "second"):
                try:
                    pause()
                except BaseException:  # ruff: ignore[blind-except]  # as badly as it can be written
                    left.append(name)

        pieces = InPieces(work)
        pieces.go_on()
        pieces.close()
        assert left == ["first", "second"]

    def test_what_was_never_begun_is_closed_too(self) -> None:
        InPieces(lambda _pause: pytest.fail("begun")).close()

    def test_what_failed_holds_no_memory(self) -> None:
        class Tensor:
            """Has a weak reference, other than a number."""

        held: list[weakref.ref[Tensor]] = []

        def work(_pause: Callable[[], None]) -> None:
            large = Tensor()
            held.append(weakref.ref(large))
            raise MemoryError

        pieces = InPieces(work)
        try:
            pieces.go_on()
        except MemoryError:
            assert held[0]() is not None
        assert held[0]() is None
