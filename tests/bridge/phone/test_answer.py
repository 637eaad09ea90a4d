"""An `answer` event as a value, whatever a host may have put into it."""

from typing import Any

import pytest

from bridge.phone.answer import Usage, answer_of
from tests.support.session import picture

EVENT: dict[str, Any] = {
    "text": "42",
    "status": "completed",
    "question": "What?",
    "response_id": "resp_1",
    "timings_ms": {},
}


def test_what_it_thought_and_cost_is_told() -> None:
    cost = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 8},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    answer = answer_of(EVENT | {"thinking": "Hm.", "usage": cost, "degraded": ["smaller_picture"]}, picture("a.jpg"))

    assert (str(answer), answer.thinking, answer.degraded) == ("42", "Hm.", ("smaller_picture",))
    assert answer.usage == Usage(input=10, output=5, cached=8, reasoning=2)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (None, None),
        ([], None),
        ({}, Usage(0, 0)),
        ({"input_tokens": "many", "output_tokens": True, "input_tokens_details": 7}, Usage(0, 0)),
    ],
)
def test_a_cost_that_makes_no_sense_is_none(told: object, usage: Usage | None) -> None:
    assert answer_of(EVENT | {"usage": told}, picture("a.jpg")).usage == usage
