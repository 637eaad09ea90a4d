"""What one question's events come to: pieces that are read once, whatever the host did meanwhile. And its errors."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, HostUnavailable, QuestionRefused
from bridge.phone.asking import Asking
from bridge.phone.named import Asked
from bridge.phone.problems import problem_of
from bridge.spool import Capture

CAPTURE = Capture("cap_1", "dev_1", "0" * 64, 1, "file", "a.jpg", 0, "image/jpeg", 0.0)


def answered(text: str, **fields: Any) -> dict[str, Any]:
    told = {
        "event": "answer",
        "text": text,
        "status": "completed",
        "question": "?",
        "response_id": "r",
        "timings_ms": {},
    }
    return told | fields


async def heard(*events: dict[str, Any], options: dict[str, Any] | None = None) -> tuple[list[str], Asking]:
    """The pieces that somebody who is quick reads."""
    asking = Asking()
    asking._asked, asking._capture = Asked("?", options or {}), CAPTURE
    pieces = []
    for event in events:
        asking._hear(event)
        if asking._fresh:
            pieces.append(await asking.piece() or "")
    return pieces, asking


def told(response_id: str, *deltas: str) -> list[dict[str, Any]]:
    begin = {"event": "question", "response_id": response_id}
    return [begin, *({"event": "delta", "response_id": response_id, "delta": delta} for delta in deltas)]


async def test_an_answer_that_is_asked_for_again_is_not_read_twice() -> None:
    again = {"event": "error", "code": "engine_restarted", "message": "Asking again."}
    pieces, asking = await heard(
        *told("a", "one ", "two "), again, *told("b", "one", " two three"), answered("one two three")
    )

    assert pieces == ["one ", "two ", "three"]
    assert asking.answer is not None


async def test_a_second_try_that_says_something_else_begins_a_line_of_its_own() -> None:
    pieces, _ = await heard(*told("a", "one two"), *told("b", "one ", "three"))

    assert "".join(pieces) == "one two\none three"


@given(
    text=st.text(min_size=1, max_size=40),
    first=st.lists(st.integers(0, 40), max_size=4),
    second=st.lists(st.integers(0, 40), max_size=4),
    broke=st.integers(0, 40),
)
def test_however_both_tries_are_cut_the_text_is_read_once(
    text: str, first: list[int], second: list[int], broke: int
) -> None:
    def cut(whole: str, places: list[int]) -> list[str]:
        ends = sorted({0, len(whole), *(place for place in places if place < len(whole))})
        return [whole[a:b] for a, b in pairwise(ends)]

    asking = Asking()
    for event in [*told("a", *cut(text[:broke], first)), *told("b", *cut(text, second))]:
        asking._hear(event)

    assert "".join(asking._fresh) == text


async def test_the_first_end_counts() -> None:
    failed = {"event": "error", "final": True, "code": "internal", "message": "no"}
    _, asking = await heard(answered("yes"), failed)

    assert (asking.answer, asking.problem) == (asking.answer, None)
    assert await asking.piece() is None


async def test_json_that_was_cut_is_no_answer() -> None:
    cut = answered('{"total": 1', status="incomplete")
    _, asking = await heard(cut, options={"text": {"format": {"type": "json_schema"}}})

    with pytest.raises(QuestionRefused, match="before its JSON"):
        await asking.piece()


@pytest.mark.parametrize(
    ("event", "kind", "code"),
    [
        ({"event": "error", "code": "image_unreadable", "message": "no"}, QuestionRefused, "image_unreadable"),
        ({"event": "error", "code": "engine_unavailable", "message": "no"}, HostUnavailable, "engine_unavailable"),
        (
            answered("", status="failed", error={"code": "server_error", "reason": "engine_oom"}),
            HostUnavailable,
            "engine_oom",
        ),
        (answered("", status="cancelled"), QuestionRefused, "cancelled"),
    ],
)
def test_a_bad_end_is_an_error_with_a_next_step(event: dict[str, Any], kind: type[BridgeError], code: str) -> None:
    problem = problem_of(event)

    assert type(problem) is kind
    assert problem.fields["code"] == code
    assert problem.hint


@pytest.mark.parametrize("event", [{"event": "delta"}, answered("x"), answered("x", status="incomplete")])
def test_what_can_be_read_is_no_error(event: dict[str, Any]) -> None:
    assert problem_of(event) is None
