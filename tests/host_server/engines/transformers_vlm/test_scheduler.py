"""The step loop's scheduler against a model made of numbers: each prompt so many chunks, each answer so many tokens."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.base import Priority
from host_server.engines.transformers_vlm.scheduler import Scheduler, Turn


@dataclass
class Job:
    """Something asked: `chunks` of prompt, `answer` tokens."""

    priority: Priority
    chunks: int = 1
    answer: int = 3
    tokens: int = 10
    after: int = 0
    """Turns to wait before the next one is asked."""


@dataclass
class World:
    """Does what the scheduler says, and holds it to its promises at every turn."""

    scheduler: Scheduler
    max_rows: int = 4
    kv_tokens: int = 1000
    jobs: dict[int, Job] = field(default_factory=dict)
    chunks: dict[int, int] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    ready: set[int] = field(default_factory=set)
    running: set[int] = field(default_factory=set)
    ended: list[int] = field(default_factory=list)
    parked: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)

    def ask(self, job: Job) -> int:
        number = len(self.jobs)
        self.jobs[number] = job
        self.scheduler.submit(number, job.priority, job.tokens)
        return number

    def turn(self) -> Turn:
        turn = self.scheduler.turn()
        for number in turn.park:
            self.running.remove(number)
            self.ready.add(number)
            self.parked.append(number)
        for number in turn.join:
            self.ready.remove(number)
            self.running.add(number)
        assert len(self.running) <= self.max_rows
        if turn.prefill is not None:
            self._fill(turn.prefill)
        begun = [n for n in self.jobs if n in self.order and n not in self.ended]
        assert len(begun) * max((self.jobs[n].tokens for n in begun), default=0) <= self.kv_tokens
        if turn.decode:
            self._decode()
        return turn

    def to_the_end(self, most: int = 10_000) -> int:
        turns = 0
        while not self.scheduler.idle:
            self.turn()
            turns += 1
            assert turns < most, "somebody starves"
        return turns

    def _fill(self, number: int) -> None:
        assert number not in self.ready | self.running
        if number not in self.order:
            self.order.append(number)
        self.chunks[number] = self.chunks.get(number, 0) + 1
        if self.chunks[number] == self.jobs[number].chunks:
            self.told[number] = 1
            self.scheduler.filled(number)
            self.ready.add(number)
            self._perhaps_end(number)

    def _decode(self) -> None:
        for number in sorted(self.running):
            self.told[number] += 1
            self._perhaps_end(number)

    def _perhaps_end(self, number: int) -> None:
        if self.told[number] >= self.jobs[number].answer:
            self.end(number)

    def end(self, number: int) -> None:
        self.ready.discard(number)
        self.running.discard(number)
        self.scheduler.ended(number)
        self.ended.append(number)
        if number not in self.order:
            self.order.append(number)


def world(*, max_rows: int = 4, kv_tokens: int = 1000, patience: int = 16, overtakes: int = 16) -> World:
    made = Scheduler(max_rows=max_rows, kv_tokens=kv_tokens, patience=patience, overtakes=overtakes)
    return World(made, max_rows, kv_tokens)


def test_a_question_is_computed_then_joins_then_takes_steps() -> None:
    it = world()
    assert it.scheduler.idle
    it.ask(Job("interactive", chunks=2, answer=3))
    assert [it.turn() for _ in range(4)] == [
        Turn(prefill=0),
        Turn(prefill=0),
        Turn(join=(0,), decode=True),
        Turn(decode=True),
    ]
    assert it.scheduler.idle
    assert it.scheduler.turn() == Turn()


def test_rows_that_somebody_waits_for_take_a_step_between_any_two_chunks() -> None:
    it = world()
    it.ask(Job("interactive", answer=50))
    it.turn()
    it.ask(Job("interactive", chunks=20))
    turns = [it.turn() for _ in range(20)]
    assert all(turn.prefill == 1 and turn.decode for turn in turns)


def test_batch_rows_pause_for_an_interactive_prompt_but_not_for_ever() -> None:
    it = world(patience=5)
    it.ask(Job("batch", answer=50))
    it.turn()
    it.ask(Job("interactive", chunks=12))
    turns = [it.turn() for _ in range(12)]
    assert all(turn.prefill == 1 for turn in turns)
    assert [turn.decode for turn in turns] == [*[False] * 5, True, *[False] * 5, True]


def test_batch_prompts_do_not_hold_up_batch_rows() -> None:
    it = world()
    it.ask(Job("batch", answer=50))
    it.turn()
    it.ask(Job("batch", chunks=5))
    assert all(it.turn().decode for _ in range(5))


def test_an_interactive_prompt_goes_before_batch_prompts_even_before_one_that_was_begun() -> None:
    it = world()
    it.ask(Job("batch", chunks=4))
    it.ask(Job("batch"))
    it.turn()
    it.ask(Job("interactive", chunks=2))
    assert [it.turn().prefill for _ in range(6)] == [2, 2, 0, 0, 0, 1]


def test_where_all_rows_are_taken_the_youngest_batch_row_makes_place_and_comes_back() -> None:
    it = world(max_rows=2)
    for _ in range(3):
        it.ask(Job("batch", answer=20))
    it.turn()
    it.turn()
    assert it.running == {0}
    it.turn()
    assert it.running == {0, 1}
    it.ask(Job("interactive", answer=3))
    it.turn()
    assert it.turn() == Turn(park=(1,), join=(3,), decode=True)
    it.to_the_end()
    assert it.parked == [1]
    assert it.ended == [3, 0, 1, 2]


def test_an_interactive_row_makes_place_for_nobody() -> None:
    it = world(max_rows=1)
    it.ask(Job("interactive", answer=10))
    it.turn()
    it.turn()
    it.ask(Job("interactive"))
    it.to_the_end()
    assert it.parked == []
    assert it.ended == [0, 1]


def test_without_memory_the_first_in_line_waits_and_nobody_passes_it() -> None:
    it = world(kv_tokens=100)
    it.ask(Job("batch", tokens=50, answer=5))
    it.turn()
    it.ask(Job("interactive", tokens=60))
    it.ask(Job("batch", tokens=10))
    it.ask(Job("interactive", tokens=10))
    assert it.scheduler.promised == 50
    it.to_the_end()
    assert it.order == [0, 1, 3, 2]


def test_a_batch_prompt_begun_goes_on_while_an_interactive_one_waits_for_memory() -> None:
    it = world(kv_tokens=100)
    it.ask(Job("batch", tokens=60, chunks=3))
    it.turn()
    it.ask(Job("interactive", tokens=60))
    assert it.turn().prefill == 0
    it.to_the_end()
    assert it.ended == [0, 1]


def test_what_is_given_up_is_gone_wherever_it_was() -> None:
    it = world(max_rows=1)
    for _ in range(2):
        it.ask(Job("interactive", answer=9))
    it.turn()
    it.turn()
    it.ask(Job("interactive", chunks=9))
    it.ask(Job("batch"))
    for number in (3, 2, 1, 0):
        it.end(number)
    it.scheduler.ended(77)
    assert it.scheduler.idle
    assert it.scheduler.turn() == Turn()


def _flood(it: World, until: int, most: int) -> int:
    """Interactive questions without end, until a request has ended: after how many turns."""
    for turns in range(most):
        if it.ended.count(until):
            return turns
        while sum(1 for number in it.jobs if number not in it.ended) < 12:
            it.ask(Job("interactive", chunks=2, answer=5))
        it.turn()
    raise AssertionError("it starves")


def test_a_batch_question_is_answered_however_many_interactive_ones_come() -> None:
    it = world(max_rows=2)
    it.ask(Job("batch", chunks=3, answer=30))
    _flood(it, until=0, most=400)


def test_a_batch_prompt_half_computed_is_finished_however_many_interactive_ones_come() -> None:
    it = world(max_rows=2)
    it.ask(Job("batch", chunks=30, answer=30))
    it.turn()
    _flood(it, until=0, most=400)


def test_a_row_makes_place_only_so_often_however_many_interactive_ones_come() -> None:
    it = world(max_rows=2)
    it.ask(Job("batch", answer=100))
    it.turn()
    it.turn()
    _flood(it, until=0, most=800)
    assert 0 < it.parked.count(0) <= 16


jobs = st.builds(
    Job,
    priority=st.sampled_from(["interactive", "batch"]),
    chunks=st.integers(1, 6),
    answer=st.integers(1, 12),
    tokens=st.integers(1, 60),
    after=st.integers(0, 4),
)


@given(
    asked=st.lists(jobs, max_size=25),
    max_rows=st.integers(1, 4),
    kv_tokens=st.integers(60, 240),
    given_up=st.sets(st.integers(0, 25), max_size=5),
)
def test_limits_are_kept_those_waited_for_never_pause_and_everybody_is_answered(
    asked: list[Job], max_rows: int, kv_tokens: int, given_up: set[int]
) -> None:
    it = world(max_rows=max_rows, kv_tokens=kv_tokens, patience=3, overtakes=4)
    for job in asked:
        number = it.ask(job)
        for _ in range(job.after):
            waited_for = {n for n in it.running if it.jobs[n].priority == "interactive"}
            assert it.turn().decode or not waited_for
        if number in given_up and number not in it.ended:
            it.end(number)
    it.to_the_end(most=2000)
    assert sorted(it.ended) == list(range(len(asked)))


@given(asked=st.lists(jobs, min_size=2, max_size=25), max_rows=st.integers(1, 4))
def test_within_a_class_prompts_are_begun_in_the_order_they_came(asked: list[Job], max_rows: int) -> None:
    it = world(max_rows=max_rows, kv_tokens=240)
    for job in asked:
        it.ask(job)
        for _ in range(job.after):
            it.turn()
    it.to_the_end()
    for priority in ("interactive", "batch"):
        begun = [number for number in it.order if it.jobs[number].priority == priority]
        assert begun == sorted(begun)
