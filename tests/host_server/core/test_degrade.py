"""The ladder: climbed by load at once, left slowly, and never by a small burst."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.admission import Load
from host_server.core.degrade import STEPS, Ladder, load_of, shorter, smaller
from host_server.core.question import AnswerForm, PreparedQuestion


def test_each_step_is_taken_as_soon_as_the_load_asks_for_it() -> None:
    ladder = Ladder()

    assert [ladder.look(load, now=0.0) for load in (0.0, 0.49, 0.5, 0.75, 0.95)] == [0, 0, 1, 2, 3]
    assert Ladder().look(7.0, now=0.0) == len(STEPS)


def test_a_step_is_given_back_only_after_a_while_of_clearly_less_load() -> None:
    ladder = Ladder()
    ladder.look(0.5, now=0.0)

    assert ladder.look(0.4, now=100.0) == 1  # less, and not clearly
    assert ladder.look(0.3, now=104.9) == 1
    assert ladder.look(0.4, now=105.0) == 1  # begins anew
    assert ladder.look(0.3, now=109.9) == 1
    assert ladder.look(0.3, now=110.0) == 0


def test_steps_are_given_back_one_at_a_time() -> None:
    ladder = Ladder()
    ladder.look(1.0, now=0.0)

    assert ladder.look(0.7, now=1.0) == 3
    assert [ladder.look(0.0, now=now) for now in (1.0, 5.9, 6.0, 10.9, 11.0, 99.0)] == [2, 2, 1, 1, 0, 0]


def test_a_quiet_hour_gives_everything_back() -> None:
    ladder = Ladder()
    ladder.look(1.0, now=0.0)

    assert ladder.look(0.0, now=3600.0) == 0


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 20))))
def test_it_is_never_lower_than_the_load_asks_for_and_falls_no_faster_than_it_may(
    looks: list[tuple[float, float]],
) -> None:
    ladder, now, level, changed = Ladder(), 0.0, 0, 0.0
    for load, pause in looks:
        now += pause
        before, level = level, ladder.look(load, now=now)
        assert level >= sum(load >= bound for bound in (0.5, 0.75, 0.95))
        took = 5.0 * (min(before, 2) - min(level, 2))  # the last step is given back at once
        if level < before:
            assert now - changed >= took - 1e-6
        if level != before:
            changed = now if level > before else changed + took


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (Load(waiting=7, most=64, wait_s=900.0), 0.0),
        (Load(waiting=8, most=64, wait_s=3.0), 0.125),
        (Load(waiting=8, most=64, wait_s=30.0), 0.5),
        (Load(waiting=64, most=64, wait_s=1.0), 1.0),
    ],
)
def test_load_is_the_fuller_queue_or_the_longer_wait_and_nothing_for_a_small_burst(load: Load, expected: float) -> None:
    assert load_of(load, patience_s=60.0) == expected


def test_a_smaller_picture_has_less_than_half_of_its_tokens() -> None:
    assert smaller(1024) == 682
    assert smaller(1024) ** 2 / 1024**2 < 0.45


def test_a_shorter_answer_is_greedy_without_thinking_and_short() -> None:
    question = PreparedQuestion("why?", temperature=1.0, top_p=0.5, seed=1, thinking=True, stop=("x",))

    assert shorter(question) == PreparedQuestion(
        "why?", temperature=0.0, thinking=False, stop=("x",), max_output_tokens=128
    )


@pytest.mark.parametrize(
    ("asked", "form", "most"),
    [(None, None, 128), (20, None, 20), (500, None, 128), (None, AnswerForm(), None), (500, AnswerForm(), 500)],
)
def test_an_answer_that_has_a_form_is_not_cut(asked: int | None, form: AnswerForm | None, most: int | None) -> None:
    assert shorter(PreparedQuestion("why?", max_output_tokens=asked, form=form)).max_output_tokens == most
