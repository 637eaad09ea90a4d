"""The model's engine beside plain one-at-a-time `generate()`: the same model, questions and threads, in one run."""

import itertools
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from host_server.engines.transformers_vlm.request import Request, Token
from tools.bench.engine_model import ONE_PIECE, Bench, Told, step_loop, wait_for
from tools.bench.measure import median, percentile, row

__all__ = ["rows"]

SIDES: Final = (448, 336)
"""16 x 12 tokens: 192."""
TOKENS: Final = 64
LARGE: Final = (1008, 756)
"""972 tokens."""
ROUNDS: Final = 5
PEER: Final = "generate(), one by one"
AGAIN: Final = 0.25
"""Of the first question's time to its first token, for the second on the same picture."""
CANCEL_STEPS, CANCEL_S = 2, 0.2
TIE: Final = 1e-3
"""In logits, whose spread is about 1."""
WARM: Final = 8
"""Tokens that every row has said before anything is looked at."""


def rows(bench: Bench, together: Sequence[int], *, budget: float) -> Iterator[dict[str, Any]]:
    """`together`: how many questions at once; the last has the budget, as so many times `generate()`'s throughput."""
    _warm_up(bench)
    yield from _throughput(bench, together, budget)
    yield from _same_picture(bench)
    yield from _beside_a_prompt(bench)
    yield from _cancel(bench)
    yield _memory(bench, together[-1])


def _warm_up(bench: Bench) -> None:
    request = bench.request(bench.picture(*SIDES), 4)
    bench.generate(request)
    wait_for(step_loop(bench, 2), [bench.request(bench.picture(*SIDES), 4) for _ in range(2)])


def _throughput(bench: Bench, together: Sequence[int], budget: float) -> Iterator[dict[str, Any]]:
    most = together[-1]
    ours: dict[int, list[float]] = {count: [] for count in together}
    theirs: dict[int, list[float]] = {count: [] for count in together}
    prompts: list[tuple[float, float]] = []
    steps: list[tuple[float, float]] = []
    leads: list[float] = []
    for number in range(ROUNDS):
        print(f"   round {number + 1} of {ROUNDS}", file=sys.stderr, flush=True)
        questions = [bench.request(bench.picture(*SIDES), TOKENS) for _ in range(most)]
        plain = [bench.generate(question) for question in questions]
        for count in together:
            began = time.perf_counter()
            told = wait_for(step_loop(bench, count), questions[:count])
            ours[count].append(count * TOKENS / (time.perf_counter() - began))
            theirs[count].append(count * TOKENS / sum(one.at[-1] - one.asked for one in plain[:count]))
            pairs = list(zip(questions, plain, strict=True))[:count]
            leads += [_lead(bench, question, one, told[question.number]) for question, one in pairs]
        steps.append((_full_step(list(told.values())) / most, median([gap for one in plain for gap in one.gaps_s])))
        prompts.append((_prompts_s(bench, most), sum(one.first_s for one in plain)))
    for count in together:
        last = count == most
        yield _beside(
            f"{count} at once: 192 picture tokens, {TOKENS} new",
            "tok/s",
            ours[count],
            theirs[count],
            at_least=budget if last else None,
        )
    yield _beside(f"{most} prompts alone", "tok/s", *_rates(prompts, sum(len(one.ids) for one in questions)))
    yield _beside(f"decoding alone, {most} rows", "tok/s", *_rates(steps, 1))
    if bench.exact:
        yield _same_tokens(leads)


def _lead(bench: Bench, question: Request, plain: Told, ours: Told) -> float:
    """0 when both say the same; else how much likelier `generate()` holds its own token where they part."""
    if ours.tokens == plain.tokens or not bench.exact:
        return 0.0
    return bench.lead(question, plain.tokens, ours.tokens)


def _same_tokens(leads: Sequence[float]) -> dict[str, Any]:
    """Sums of floats depend on their order: where the two likeliest tokens are as good as equal, either may be said."""
    same, most = sum(not lead for lead in leads), max(leads)
    return row(
        f"answers that are those of generate(); the others part at a tie (lead at most {most:.1e})",
        same,
        "",
        peer="answers",
        peer_value=len(leads),
        budget=f"all but ties of {TIE:g}",
        met=most <= TIE,
    )


def _beside(
    name: str, unit: str, ours: Sequence[float], theirs: Sequence[float], *, at_least: float | None = None
) -> dict[str, Any]:
    """A rate beside plain `generate()`, compared round by round."""
    ratio = median([one / other for one, other in zip(ours, theirs, strict=True)])
    return row(
        name,
        median(ours),
        unit,
        peer=PEER,
        peer_value=median(theirs),
        ratio=ratio,
        budget="" if at_least is None else f">= {at_least:g}x",
        met=None if at_least is None else ratio >= at_least,
    )


def _rates(seconds: Sequence[tuple[float, float]], tokens: int) -> tuple[list[float], list[float]]:
    return [tokens / one for one, _ in seconds], [tokens / other for _, other in seconds]


def _full_step(told: Sequence[Told]) -> float:
    """Seconds of a step with all rows in it: from the last one's joining to the first one's end."""
    joined, left = max(one.at[0] for one in told), min(one.at[-1] for one in told)
    gaps = [
        later - sooner
        for one in told
        for sooner, later in itertools.pairwise(one.at)
        if sooner >= joined and later <= left
    ]
    return median(gaps or [gap for one in told for gap in one.gaps_s])


def _prompts_s(bench: Bench, count: int) -> float:
    questions = [bench.request(bench.picture(*SIDES), 1) for _ in range(count)]
    began = time.perf_counter()
    wait_for(step_loop(bench, count), questions)
    return time.perf_counter() - began


def _same_picture(bench: Bench) -> Iterator[dict[str, Any]]:
    """The first and the second question about one picture, and what `generate()` says to the second."""
    times: list[tuple[float, float]] = []
    same, cached = True, 0
    for _ in range(ROUNDS):
        loop, picture = step_loop(bench, 1), bench.picture(*SIDES)
        first = bench.request(picture, 8)
        second = bench.request(picture, 8, "Which city is the parcel sent to?")
        asked = wait_for(loop, [first])[first.number]
        again = wait_for(loop, [second])[second.number]
        times.append((again.first_s, asked.first_s))
        same &= again.tokens == bench.generate(second).tokens
        cached = again.ended.cached_tokens if again.ended else 0
    ratio = median([one / other for one, other in times])
    yield row(
        f"second question on a picture, first token ({cached} cached)",
        1000 * median([one for one, _ in times]),
        "ms",
        peer="first question",
        peer_value=1000 * median([other for _, other in times]),
        ratio=ratio,
        budget=f"<= {AGAIN}x" + (", same tokens" if bench.exact else ""),
        met=ratio <= AGAIN and (same or not bench.exact),
    )


def _beside_a_prompt(bench: Bench) -> Iterator[dict[str, Any]]:
    """Gaps between the words of four answers while a long prompt is read: in chunks, and in one piece."""
    divided, whole, alone = [], [], []
    for _ in range(ROUNDS):
        for gaps, chunk in ((divided, None), (whole, ONE_PIECE)):
            beside, before = _gaps(bench, chunk)
            gaps.append(percentile(beside, 0.99))
            alone.append(median(before))
    ratio = median([one / other for one, other in zip(divided, whole, strict=True)])
    yield row(
        "between two words, p99, while 972 tokens are read", 1000 * median(divided), "ms",
        peer="the prompt in one piece", peer_value=1000 * median(whole), ratio=ratio, budget="< 1x", met=ratio < 1,
    )  # fmt: skip
    yield row("between two words, with nothing to read", 1000 * median(alone), "ms", budget="", met=None)


def _gaps(bench: Bench, chunk: int | None) -> tuple[list[float], list[float]]:
    loop = step_loop(bench, 5, chunk=chunk)
    running = [bench.request(bench.picture(*SIDES), 40) for _ in range(4)]
    long = bench.request(bench.picture(*LARGE), 1)
    asked: list[float] = []

    def ask_in_between(told: dict[int, Told]) -> None:
        if not asked and all(len(told[request.number].at) >= WARM for request in running):
            asked.append(time.perf_counter())
            told[long.number] = Told(asked[0])
            loop.submit(long)

    told = wait_for(loop, running, at_each_step=ask_in_between)
    answered = told[long.number].at[0]
    pairs = [pair for request in running for pair in itertools.pairwise(told[request.number].at)]
    beside = [later - sooner for sooner, later in pairs if later > asked[0] and sooner < answered]
    joined = max(told[request.number].at[0] for request in running)
    before = [later - sooner for sooner, later in pairs if sooner >= joined and later <= asked[0]]
    return beside, before


def _cancel(bench: Bench) -> Iterator[dict[str, Any]]:
    """From giving an answer up to the loop's being idle. Nothing interrupts a step: a cancel may wait for one."""
    for name, sides, said in (("in mid-answer", SIDES, WARM), ("while 972 tokens are read", LARGE, 0)):
        ends = [_given_up(bench, bench.request(bench.picture(*sides), TOKENS), said) for _ in range(ROUNDS)]
        steps = max(steps for steps, _, _ in ends)
        seconds = median([longest + ending for _, longest, ending in ends])
        yield row(
            f"cancelled {name}: steps to its end", steps, "", budget=f"<= {CANCEL_STEPS}", met=steps <= CANCEL_STEPS
        )
        yield row(
            f"cancelled {name}: longest step, then its end",
            1000 * seconds,
            "ms",
            budget="<= 200 ms" if said else "",
            met=seconds <= CANCEL_S if said else None,
        )


def _given_up(bench: Bench, request: Request, said: int) -> tuple[int, float, float]:
    """Steps until it is gone; seconds of the longest step that it might have come into, and from then on."""
    loop, tokens = step_loop(bench, 1), 0
    loop.submit(request)
    longest = 0.0
    while tokens < max(said, 1):
        began = time.perf_counter()
        tokens += sum(isinstance(happened, Token) for happened in loop.step())
        if tokens > 1 or not said:
            longest = max(longest, time.perf_counter() - began)
    loop.cancel(request.number)
    began, steps = time.perf_counter(), 0
    while not loop.idle:
        loop.step()
        steps += 1
    return steps, longest, time.perf_counter() - began


def _memory(bench: Bench, count: int) -> dict[str, Any]:
    """What the loop holds with all rows full, against keys and values by arithmetic."""
    loop, most = step_loop(bench, count), [0]

    def look(_told: dict[int, Told]) -> None:
        most[0] = max(most[0], loop.nbytes)

    told = wait_for(loop, [bench.request(bench.picture(*SIDES), TOKENS) for _ in range(count)], at_each_step=look)
    text = bench.model.config.get_text_config()
    a_token = 2 * text.num_hidden_layers * text.num_key_value_heads * (text.hidden_size // text.num_attention_heads)
    tokens = sum(one.ended.input_tokens + one.ended.output_tokens for one in told.values() if one.ended)
    needed = tokens * a_token * bench.loaded.dtype.itemsize
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return row(
        f"memory for {count} rows and what is remembered (process at most {peak / 1e6:.0f} MB)", most[0] / 1e6, "MB",
        peer="their keys and values", peer_value=needed / 1e6, ratio=most[0] / needed, budget="", met=None,
    )  # fmt: skip
