"""Models whose cache forgets are answered by `generate()`, one at a time; what is asked and told is the same."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `gpu` is not installed")

from host_server.engines.base import PromptTooLongError  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.fallback import (  # ruff: ignore[module-import-not-at-top-of-file]
    GenerateLoop,
)
from host_server.engines.transformers_vlm.loaded import Loaded  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.loop import StepLoop  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.loops import (  # ruff: ignore[module-import-not-at-top-of-file]
    Loop,
    loop_for,
)
from host_server.engines.transformers_vlm.request import (  # ruff: ignore[module-import-not-at-top-of-file]
    Request,
    Sampling,
)
from tests.support.step_loop import (  # ruff: ignore[module-import-not-at-top-of-file]
    Clock,
    Heard,
    alone,
    answers,
    ask,
    noise,
    sharp,
    until_idle,
)


@pytest.fixture(scope="module")
def loaded(tiny_model: Callable[[str], Path]) -> Loaded:
    """A model that sees the last 24 tokens in one of its two layers."""
    made = sharp(tiny_model("qwen2_5_vl"))
    text = made.model.config.text_config
    text.sliding_window, text.layer_types = 24, ["sliding_attention", "full_attention"]
    made.model.model.language_model.has_sliding_layers = True
    return made


def loop_of(loaded: Loaded) -> Loop:
    return loop_for(loaded, max_batch=4, kv_bytes=2**24, clock=Clock())


def three(loaded: Loaded) -> list[Request]:
    return [
        ask(loaded, number, "Why? " * (number + 1), noise(84, 84, seed=number), max_new_tokens=8) for number in range(3)
    ]


def test_plain_caches_are_for_the_step_loop_and_others_are_not(
    loaded: Loaded, tiny_model: Callable[[str], Path]
) -> None:
    assert isinstance(loop_of(loaded), GenerateLoop)
    assert isinstance(loop_of(sharp(tiny_model("llava"))), StepLoop)


def test_answers_are_those_of_generate(loaded: Loaded) -> None:
    requests = three(loaded)
    loop = loop_of(loaded)
    assert answers(loop, *requests) == {request.number: alone(loaded, request) for request in requests}
    assert loop.step() == []


def test_the_urgent_go_before_the_others_and_all_are_counted(loaded: Loaded) -> None:
    patient, *urgent = three(loaded)
    loop = loop_of(loaded)
    for request in (replace(patient, priority="batch"), *urgent):
        loop.submit(request)
    ended = until_idle(loop).ended
    assert list(ended) == [1, 2, 0]
    last = ended[0]
    assert (last.reason, last.output_tokens, last.input_tokens) == ("limit", 8, len(patient.ids))
    assert last.waited_s > ended[1].waited_s
    assert last.prefill_s > 0
    assert last.image_tokens == 9


def test_an_end_mark_ends_an_answer_and_is_not_told(loaded: Loaded) -> None:
    request = three(loaded)[0]
    expected = alone(loaded, request)
    ending = replace(loaded, eos=frozenset({expected[3]}))
    loop = loop_of(ending)
    loop.submit(request)
    heard = until_idle(loop)
    until = expected.index(expected[3])
    assert heard.tokens.get(0, []) == expected[:until]
    assert (heard.ended[0].reason, heard.ended[0].output_tokens) == ("end", until + 1)


def test_what_is_given_up_ends_with_the_next_step_and_the_others_are_answered(loaded: Loaded) -> None:
    requests = three(loaded)
    loop, heard = loop_of(loaded), Heard()
    for request in requests:
        loop.submit(request)
    while len(heard.tokens.get(0, ())) < 3:
        heard.step(loop)
    for number in (0, 1, 77):
        loop.cancel(number)
    heard.step(loop)
    assert {number: ended.reason for number, ended in heard.ended.items()} == {0: "cancelled", 1: "cancelled"}
    assert heard.tokens[0] == alone(loaded, requests[0])[:3]
    assert until_idle(loop, heard).tokens[2] == alone(loaded, requests[2])


def test_what_is_given_up_before_its_first_token_costs_nothing(loaded: Loaded) -> None:
    loop = loop_of(loaded)
    loop.submit(three(loaded)[0])
    loop.cancel(0)
    heard = until_idle(loop)
    assert heard.tokens == {}
    assert heard.ended[0].reason == "cancelled"


def test_the_same_seed_draws_the_same_answer(loaded: Loaded) -> None:
    request = three(loaded)[0]
    first, again, other = (
        answers(loop_of(loaded), replace(request, sampling=Sampling(1.5, 0.9, seed)))[0] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_prompt_longer_than_the_positions_is_refused(loaded: Loaded) -> None:
    request = three(loaded)[0]
    loop = loop_of(replace(loaded, max_positions=len(request.ids)))
    with pytest.raises(PromptTooLongError):
        loop.submit(request)
    assert loop.idle


@pytest.mark.parametrize(
    ("error", "reason"), [(torch.OutOfMemoryError("CUDA out of memory"), "memory"), (ValueError("no"), "error")]
)
def test_what_fails_ends_alone(loaded: Loaded, error: Exception, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    bad, good, _ = three(loaded)
    loop = loop_of(loaded)
    loop.submit(bad)
    loop.submit(good)
    failures = [error]

    def fail(*_: Any) -> None:
        if failures:
            raise failures.pop()

    hook = loaded.model.register_forward_pre_hook(fail)
    try:
        heard = until_idle(loop)
    finally:
        hook.remove()
    assert heard.ended[0].reason == reason
    assert heard.tokens == {1: alone(loaded, good)}
    assert ("generate() failed" in caplog.text) == (reason == "error")


def test_a_closed_loop_leaves_no_thread(loaded: Loaded) -> None:
    loop = loop_of(loaded)
    loop.close()
    loop.submit(three(loaded)[0])
    Heard().step(loop)
    assert "generate" in [thread.name for thread in threading.enumerate()]
    loop.close()
    assert "generate" not in [thread.name for thread in threading.enumerate()]
