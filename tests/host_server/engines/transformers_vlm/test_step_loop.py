"""Whatever else goes on in the step loop, an answer is what `generate()` says to that question alone, by tokens."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the extra `gpu` is not installed")

from host_server.engines.base import PromptTooLongError  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.loaded import Loaded  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.memory import bytes_per_token  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.request import Ended, Request, Sampling  # ruff: ignore[module-import-not-at-top-of-file]
from tests.support.step_loop import (  # ruff: ignore[module-import-not-at-top-of-file]
    Heard,
    alone,
    answers,
    ask,
    follow_up,
    noise,
    sharp,
    step_loop,
    until_idle,
)

FAMILIES = ["glm4v", "glm46v", "qwen2_5_vl", "idefics3", "llava"]
WITH_GRIDS = ["glm4v", "glm46v", "qwen2_5_vl"]
SIZES = [(84, 140), (140, 84), (56, 56), (196, 112), (112, 112)]


@pytest.fixture(scope="module")
def model(tiny_model: Callable[[str], Path]) -> Callable[[str], Loaded]:
    return cache(lambda family: sharp(tiny_model(family)))


@pytest.fixture(params=FAMILIES)
def loaded(request: pytest.FixtureRequest, model: Callable[[str], Loaded]) -> Loaded:
    return model(request.param)


@pytest.fixture
def glm(model: Callable[[str], Loaded]) -> Loaded:
    return model("glm4v")


def five(loaded: Loaded, **how: Any) -> list[Request]:
    """Questions of different lengths about pictures of different sizes."""
    return [
        ask(loaded, number, "Why? " * (number + 1), noise(*size, seed=number), max_new_tokens=10 + 2 * number, **how)
        for number, size in enumerate(SIZES)
    ]


def told_alone(loaded: Loaded, requests: list[Request]) -> dict[int, list[int]]:
    return {request.number: alone(loaded, request) for request in requests}


class TestEveryFamily:
    def test_answers_side_by_side_are_those_of_each_alone(self, loaded: Loaded) -> None:
        requests = five(loaded)
        assert answers(step_loop(loaded), *requests) == told_alone(loaded, requests)

    def test_so_are_they_when_prompts_are_computed_in_chunks_and_join_late(self, loaded: Loaded) -> None:
        requests = five(loaded)
        waiting = list(requests)
        loop, heard = step_loop(loaded, chunk=7), Heard()
        for _ in range(40):
            if waiting:
                loop.submit(waiting.pop(0))
            for _ in range(3):
                heard.step(loop)
        assert until_idle(loop, heard).tokens == told_alone(loaded, requests)

    def test_so_are_they_when_one_beside_them_is_given_up(self, loaded: Loaded) -> None:
        requests = five(loaded)
        loop, heard = step_loop(loaded, max_batch=5), Heard()
        for request in requests:
            loop.submit(request)
        while len(heard.tokens.get(0, ())) < 5:
            heard.step(loop)
        loop.cancel(0)
        until_idle(loop, heard)
        expected = told_alone(loaded, requests)
        assert heard.ended[0].reason == "cancelled"
        assert heard.tokens.pop(0) == expected.pop(0)[:5]
        assert heard.tokens == expected

    def test_another_question_about_the_picture_begins_behind_the_picture(self, loaded: Loaded) -> None:
        picture = noise(112, 112, seed=1)
        first = ask(loaded, 1, "What is the total?", picture, max_new_tokens=12)
        second = ask(loaded, 2, "Which city is it sent to?", picture, max_new_tokens=12)
        loop = step_loop(loaded)
        answers(loop, first)
        loop.submit(second)
        heard = until_idle(loop)
        assert heard.tokens == {2: alone(loaded, second)}
        ended = heard.ended[2]
        last_of_picture = max(i for i, token in enumerate(second.ids) if token == loaded.image_token)
        assert last_of_picture < ended.cached_tokens < ended.input_tokens
        assert ended.image_tokens == second.ids.count(loaded.image_token) > 0

    def test_the_same_question_again_is_computed_from_its_last_token_on(self, loaded: Loaded) -> None:
        request = ask(loaded, 1, "What is it?", noise(112, 112, seed=1), max_new_tokens=6)
        loop = step_loop(loaded)
        first = answers(loop, request)[1]
        loop.submit(request)
        heard = until_idle(loop)
        assert heard.tokens == {1: first}
        assert heard.ended[1].cached_tokens == len(request.ids) - 1

    def test_a_follow_up_begins_behind_the_answer_before(self, loaded: Loaded) -> None:
        first = ask(loaded, 1, "What is the total?", noise(112, 112, seed=1), max_new_tokens=12)
        loop = step_loop(loaded, chunk=5)
        told = answers(loop, first)[1]
        second = follow_up(loaded, first, told, 2, "And the size?")
        loop.submit(second)
        heard = until_idle(loop)
        assert heard.tokens == {2: alone(loaded, second)}
        assert heard.ended[2].cached_tokens == len(first.ids) + len(told) - 1

    def test_two_pictures_in_one_question_are_two_pictures(self, loaded: Loaded) -> None:
        left, right = noise(112, 112, seed=1), noise(84, 140, seed=2)
        requests = [
            ask(loaded, 1, "Which is older?", left, right, max_new_tokens=12),
            ask(loaded, 2, "Which is older?", right, left, max_new_tokens=12),
            ask(loaded, 3, "Which is older?", left, left, max_new_tokens=12),
        ]
        expected = told_alone(loaded, requests)
        assert expected[1] != expected[2] != expected[3]
        assert answers(step_loop(loaded, max_batch=1), *requests) == expected

    def test_a_question_without_a_picture_is_answered_too(self, loaded: Loaded) -> None:
        request = ask(loaded, 1, "Who are you?", max_new_tokens=8)
        assert answers(step_loop(loaded), request) == {1: alone(loaded, request)}

    def test_a_picture_of_the_same_size_is_another_picture(self, loaded: Loaded) -> None:
        """The ids of both prompts are equal: what tells them apart is the pictures' digests."""
        first = ask(loaded, 1, "What is it?", noise(112, 112, seed=1), max_new_tokens=12)
        second = ask(loaded, 2, "What is it?", noise(112, 112, seed=2), max_new_tokens=12)
        assert first.ids == second.ids
        expected = told_alone(loaded, [first, second])
        assert expected[1] != expected[2]
        assert answers(step_loop(loaded, max_batch=1), first, second) == expected


@pytest.mark.parametrize("family", WITH_GRIDS)
def test_no_client_moves_the_positions_of_another(family: str, model: Callable[[str], Loaded]) -> None:
    """These models keep on the module how far the last prompt was shifted, whoever asked it."""
    loaded = model(family)
    mine = ask(loaded, 1, "What is it?", noise(112, 112, seed=1), max_new_tokens=16)
    other = ask(loaded, 2, "And this?", noise(308, 308, seed=2), max_new_tokens=1)
    expected = alone(loaded, mine)
    loop = step_loop(loaded, chunk=16)
    loop.submit(mine)
    heard = until_idle(loop, each=lambda: bool(alone(loaded, other)))
    assert heard.tokens == {1: expected}
    second = follow_up(loaded, mine, expected, 3, "And the size?")
    alone(loaded, other)
    assert answers(loop, second) == {3: alone(loaded, second)}


class TestCancelling:
    def test_what_is_given_up_ends_with_the_next_step_wherever_it_is(self, glm: Loaded) -> None:
        loop, heard = step_loop(glm, max_batch=1, chunk=7), Heard()
        running, filling, waiting = (replace(request, max_new_tokens=500) for request in five(glm)[:3])
        loop.submit(running)
        while not heard.tokens:
            heard.step(loop)
        loop.submit(filling)
        loop.submit(waiting)
        heard.step(loop)
        said = len(heard.tokens[0])
        for number in (0, 1, 2, 77):
            loop.cancel(number)
        heard.step(loop)
        assert {number: ended.reason for number, ended in heard.ended.items()} == dict.fromkeys((0, 1, 2), "cancelled")
        assert len(heard.tokens[0]) == said
        assert loop.idle
        assert loop.step() == []

    def test_a_prompt_half_computed_is_given_up_between_two_chunks(self, glm: Loaded) -> None:
        loop, heard = step_loop(glm, chunk=7), Heard()
        loop.submit(five(glm)[0])
        heard.step(loop)
        heard.step(loop)
        loop.cancel(0)
        heard.step(loop)
        assert heard.ended[0].reason == "cancelled"
        assert heard.ended[0].output_tokens == 0
        assert loop.idle

    def test_what_has_ended_cannot_be_given_up(self, glm: Loaded) -> None:
        loop = step_loop(glm)
        answers(loop, five(glm)[0])
        loop.cancel(0)
        assert loop.idle
        assert loop.step() == []


class TestTurns:
    def test_whoever_is_answered_gets_a_token_at_every_step_while_others_prompts_are_computed(
        self, glm: Loaded
    ) -> None:
        loop, heard = step_loop(glm, chunk=8), Heard()
        loop.submit(replace(five(glm)[0], max_new_tokens=60))
        while len(heard.tokens.get(0, ())) < 2:
            heard.step(loop)
        loop.submit(ask(glm, 9, "Why? " * 20, noise(112, 112, seed=4), max_new_tokens=2))
        longest = _longest_piece(glm, lambda: until_idle(loop, heard))
        assert longest <= 8
        assert heard.ended[0].output_tokens == 60

    def test_a_batch_row_makes_place_and_goes_on_where_it_was(self, glm: Loaded) -> None:
        batch = five(glm, priority="batch")[:3]
        urgent = ask(glm, 9, "Now!", noise(56, 56, seed=9), max_new_tokens=4)
        loop, heard = step_loop(glm, max_batch=2), Heard()
        for request in batch:
            loop.submit(request)
        while len(heard.tokens.get(1, ())) < 3:
            heard.step(loop)
        loop.submit(urgent)
        until_idle(loop, heard)
        assert heard.tokens == told_alone(glm, [*batch, urgent])
        assert next(iter(heard.ended)) == 9

    def test_an_end_mark_ends_an_answer_and_is_not_told(self, glm: Loaded) -> None:
        request = five(glm)[4]
        expected = alone(glm, request)
        mark = expected[6]
        loop = step_loop(replace(glm, eos=frozenset({mark})))
        loop.submit(request)
        heard = until_idle(loop)
        until = expected.index(mark)
        assert heard.tokens.get(4, []) == expected[:until]
        assert (heard.ended[4].reason, heard.ended[4].output_tokens) == ("end", until + 1)

    def test_times_and_tokens_are_counted(self, glm: Loaded) -> None:
        request = replace(five(glm)[0], max_new_tokens=1)
        loop = step_loop(glm)
        loop.submit(request)
        ended = until_idle(loop).ended[0]
        pictured = request.ids.count(glm.image_token)
        assert ended == Ended(
            0, "limit", len(request.ids), pictured, 0, 1, waited_s=ended.waited_s, prefill_s=ended.prefill_s
        )
        assert ended.waited_s > 0
        assert ended.prefill_s > 0


class TestSampling:
    def test_a_seed_draws_the_same_answer_alone_and_beside_others(self, glm: Loaded) -> None:
        drawn = [replace(r, sampling=Sampling(1.0, 0.9, seed=-7), max_new_tokens=10) for r in five(glm)]
        beside = answers(step_loop(glm), *drawn)
        for request in drawn:
            assert answers(step_loop(glm), request)[request.number] == beside[request.number]
        other = replace(drawn[0], sampling=Sampling(1.0, 0.9, seed=8))
        assert answers(step_loop(glm), other)[0] != beside[0]
        assert beside[0] != alone(glm, drawn[0])

    def test_those_who_draw_disturb_nobody_who_does_not(self, glm: Loaded) -> None:
        requests = five(glm)
        requests[1] = replace(requests[1], sampling=Sampling(2.0))
        told = answers(step_loop(glm), *requests)
        told.pop(1)
        assert told == told_alone(glm, [request for request in requests if request.number != 1])


class TestMemory:
    def test_a_prompt_longer_than_the_memory_or_the_positions_is_refused(self, glm: Loaded) -> None:
        request = five(glm)[0]
        with pytest.raises(PromptTooLongError, match=f"{len(request.ids)} tokens"):
            step_loop(glm, kv_bytes=1000).submit(request)
        loop = step_loop(replace(glm, max_positions=len(request.ids)))
        with pytest.raises(PromptTooLongError):
            loop.submit(request)
        assert loop.idle

    def test_an_answer_ends_where_the_positions_end(self, glm: Loaded) -> None:
        request = five(glm)[0]
        loop = step_loop(replace(glm, max_positions=len(request.ids) + 4))
        loop.submit(request)
        heard = until_idle(loop)
        assert heard.tokens == {0: alone(glm, request)[:4]}
        assert heard.ended[0].reason == "limit"

    def test_whoever_wants_a_very_long_answer_does_not_take_all_the_memory(self, glm: Loaded) -> None:
        loop = step_loop(glm, max_batch=2, kv_bytes=12_000 * bytes_per_token(glm))
        loop.submit(ask(glm, 1, "Tell me everything.", max_new_tokens=1_000_000))
        loop.submit(ask(glm, 2, "Why?", max_new_tokens=2))
        heard = Heard()
        for _ in range(20):
            heard.step(loop)

        assert [*heard.ended] == [2]
        assert len(heard.tokens[1]) > 2

    def test_no_more_is_kept_and_promised_than_there_is(self, glm: Loaded) -> None:
        budget = 600_000
        loop = step_loop(glm, kv_bytes=budget)
        most = 0

        def look() -> None:
            nonlocal most
            most = max(most, loop.nbytes)

        for number in range(12):
            loop.submit(ask(glm, number, "Why?" * number, noise(112, 112, seed=number), max_new_tokens=20))
        heard = until_idle(loop, each=look)
        assert {ended.reason for ended in heard.ended.values()} == {"limit"}
        assert budget / 4 < most <= budget

    def test_an_answer_without_memory_for_its_prompt_ends_and_the_others_go_on(self, glm: Loaded) -> None:
        requests = five(glm)
        loop, heard = step_loop(glm, max_batch=5), Heard()
        for request in requests[:4]:
            loop.submit(request)
        while len(heard.tokens) < 4:
            heard.step(loop)
        loop.submit(requests[4])
        with _Failing(glm, lambda rows, columns: columns > 1):
            until_idle(loop, heard)
        assert heard.ended[4].reason == "memory"
        assert heard.tokens == told_alone(glm, requests[:4])

    def test_a_step_without_memory_is_done_again_without_what_was_remembered(self, glm: Loaded) -> None:
        requests = five(glm)
        loop, heard = step_loop(glm, max_batch=5), Heard()
        for request in requests:
            loop.submit(request)
        while len(heard.tokens) < 5:
            heard.step(loop)
        with _Failing(glm, lambda rows, columns: True, times=1):
            heard.step(loop)
        until_idle(loop, heard)
        assert heard.tokens == told_alone(glm, requests)

    def test_where_that_does_not_help_the_youngest_rows_end_and_the_others_go_on(self, glm: Loaded) -> None:
        requests = five(glm)
        loop, heard = step_loop(glm, max_batch=5), Heard()
        for request in requests:
            loop.submit(request)
        while len(heard.tokens) < 5:
            heard.step(loop)
        with _Failing(glm, lambda rows, columns: rows > 3):
            until_idle(loop, heard)
        assert {n for n, ended in heard.ended.items() if ended.reason == "memory"} == {3, 4}
        expected = told_alone(glm, requests)
        assert all(heard.tokens[number] == expected[number] for number in (0, 1, 2))

    def test_another_error_of_a_step_is_everybodys(self, glm: Loaded) -> None:
        loop = step_loop(glm)
        loop.submit(five(glm)[0])
        gone = RuntimeError("the card is gone")
        with (
            _Failing(glm, lambda rows, columns: columns == 1, error=gone),
            pytest.raises(RuntimeError, match="the card is gone"),
        ):
            until_idle(loop)


@pytest.mark.parametrize("more", [-1, 1])
def test_a_prompt_whose_pictures_do_not_fit_its_tokens_ends_alone(
    model: Callable[[str], Loaded], more: int, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = model("llava")
    good, bad = five(loaded)[:2]
    place, places = bad.ids.index(loaded.image_token), bad.ids.count(loaded.image_token)
    text = [token for token in bad.ids if token != loaded.image_token]
    bad = replace(bad, ids=(*text[:place], *[loaded.image_token] * (places + more), *text[place:]))
    loop = step_loop(loaded)
    loop.submit(good)
    loop.submit(bad)
    heard = until_idle(loop)
    assert heard.ended[1].reason == "error"
    assert heard.tokens == {0: alone(loaded, good)}
    assert "a prompt could not be computed" in caplog.text


@pytest.mark.parametrize("family", ["glm4v", "idefics3"])
def test_attention_may_be_computed_another_way(family: str, tiny_model: Callable[[str], Path]) -> None:
    loaded = sharp(tiny_model(family))
    loaded.model.set_attn_implementation("eager")
    requests = five(loaded)
    assert answers(step_loop(loaded, chunk=16), *requests) == told_alone(loaded, requests)


def test_bfloat16_is_answered_in_bfloat16(tiny_model: Callable[[str], Path]) -> None:
    exact = sharp(tiny_model("llava"))
    loaded = replace(exact, model=exact.model.bfloat16(), dtype=torch.bfloat16)
    told = answers(step_loop(loaded, chunk=16), *five(loaded))
    assert [len(told[number]) for number in range(5)] == [10, 12, 14, 16, 18]


def test_a_model_that_may_not_be_divided_gets_its_prompt_in_one_piece(model: Callable[[str], Loaded]) -> None:
    loaded = model("llava")
    requests = five(loaded)
    expected = told_alone(loaded, requests)
    loaded.model.config.model_type = "unheard-of"
    try:
        loop = step_loop(loaded, chunk=5)
        for request in [*requests, replace(requests[0], number=9)]:
            loop.submit(request)
        heard = until_idle(loop)
    finally:
        loaded.model.config.model_type = "llava"
    assert heard.tokens == {**expected, 9: expected[0]}
    assert heard.ended[9].cached_tokens == 0


def _longest_piece(loaded: Loaded, work: Callable[[], Any]) -> int:
    """The most tokens of one prompt that went through the language model at once."""
    seen: list[int] = []
    layer = loaded.model.get_input_embeddings()
    hook = layer.register_forward_hook(lambda _module, arguments, _out: seen.append(arguments[0].shape[1]))
    try:
        work()
    finally:
        hook.remove()
    return max(seen)


class _Failing:
    """A model that fails for certain (rows, columns) of a `forward()`."""

    def __init__(
        self,
        loaded: Loaded,
        when: Callable[[int, int], bool],
        *,
        times: int = 10_000,
        error: Exception | None = None,
    ) -> None:
        self._model, self._when, self._left = loaded.model, when, times
        self._error = error or torch.OutOfMemoryError("CUDA out of memory")

    def __enter__(self) -> None:
        self._hook = self._model.register_forward_pre_hook(self._look, with_kwargs=True)

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _look(self, _module: Any, _arguments: Any, named: dict[str, Any]) -> None:
        given = named.get("input_ids")
        if given is None:
            given = named["inputs_embeds"]
        if self._left and self._when(given.shape[0], given.shape[1]):
            self._left -= 1
            raise self._error
