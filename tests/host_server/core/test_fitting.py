"""A finished answer is the JSON that was asked for, or it is told why not, within the time."""

import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_server.core.fitting import misfit
from host_server.core.question import AnswerForm
from host_server.wire.schema import schema_faults

RECEIPT: dict[str, Any] = {
    "type": "object",
    "properties": {"total": {"type": "number"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
    "required": ["total"],
    "additionalProperties": False,
    "$defs": {"line": {"type": "string", "pattern": "^[a-z]+$"}},
}


def _said(text: str, schema: dict[str, Any] | None = None, *, within: float = 2.0) -> str | None:
    return misfit(text, AnswerForm("R", schema), clock=time.monotonic, within=within)


@pytest.mark.parametrize("text", ['{"total": 4.2}', ' {"total": 4, "lines": ["ab"]}\n', '{"total": 4, "lines": []}'])
def test_an_answer_that_fits(text: str) -> None:
    assert _said(text, RECEIPT) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON"),
        ("The total is 4.", "is no JSON"),
        ('{"total": 4} and more', "is no JSON"),
        ('{"total": NaN}', "NaN is no number"),
        ('{"total": 1e999}', "a number is too large"),
        ('{"total": ' + "9" * 5000 + "}", "more than 40 digits"),
        ('{"total": "4"}', "at $.total: '4' is not of type 'number'"),
        ("{}", "'total' is a required property"),
        ('{"total": 4, "lines": ["ab", "AB"]}', "at $.lines[1]: 'AB' does not match '^[a-z]+$'"),
        ('{"total": 4, "x": 1}', "'x' was unexpected"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_why_and_where(text: str, said: str) -> None:
    assert said in (_said(text, RECEIPT) or "it fits")


def test_without_a_schema_an_object_is_asked_for() -> None:
    assert _said("{}") is None
    assert _said("[]") == "The answer is JSON, but no object."
    assert _said("{") is not None


@pytest.mark.parametrize(
    ("text", "unique"),
    [
        ("[1, 2]", True),
        ("[1, 1.0]", False),
        ("[1, true]", True),
        ("[0, false, null]", True),
        ('[{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]', False),
        ("7", True),
    ],
)
def test_items_are_different_in_the_sense_of_json(text: str, unique: bool) -> None:
    assert (_said(text, {"uniqueItems": True}) is None) is unique


def test_items_may_be_equal_where_nobody_minds() -> None:
    assert _said("[1, 1]", {"uniqueItems": False}) is None


def test_a_pattern_says_nothing_about_what_is_no_text() -> None:
    assert _said("7", {"pattern": "a"}) is None


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"pattern": "^(a|aa)+$"}, '"' + "a" * 80 + '!"'),
        ({"items": {"pattern": "^(a|aa)+$"}}, "[" + ", ".join(['"' + "a" * 80 + '!"'] * 50) + "]"),
        (
            {
                "$ref": "#/$defs/d0",
                "$defs": {
                    f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} if n < 24 else {"type": "string"}
                    for n in range(25)
                },
            },
            "7",
        ),
    ],
)
def test_a_check_that_would_take_for_ever_ends_at_its_deadline(schema: dict[str, Any], text: str) -> None:
    began = time.monotonic()

    said = _said(text, schema, within=0.2)

    assert said == "The answer cannot be checked against its schema: that takes more than 0.2 s, or goes too deep."
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("schema", "text", "why"),
    [
        ({"multipleOf": 10**400}, "1.5", "a number that is too large"),
        ({"pattern": "a{e<"}, '"a"', "a pattern that cannot be read"),
    ],
)
def test_a_schema_that_breaks_the_check_breaks_nothing_else(schema: dict[str, Any], text: str, why: str) -> None:
    assert schema_faults(schema) == []

    assert _said(text, schema) == f"The answer cannot be checked against its schema: it has {why}."


def test_a_long_list_of_different_things_is_compared_at_once() -> None:
    text = "[" + ", ".join(f'{{"a": {n}}}, "{n}", {n}' for n in range(10_000)) + "]"

    assert _said(text, {"uniqueItems": True}) is None


def test_an_answer_nested_deeper_than_a_check_can_go_is_told() -> None:
    deep = "[" * 400 + "]" * 400

    assert (_said(deep, {"items": {"$ref": "#"}}) or "").endswith("or goes too deep.")


@settings(max_examples=60)
@given(st.text(max_size=60) | st.from_regex(r'\{"total": [0-9.eE+-]{1,9}(, "lines": \["[a-zA-Z]{0,4}"\])?\}'))
def test_whatever_an_engine_says_it_is_judged(text: str) -> None:
    import json

    said = _said(text, RECEIPT)

    if said is None:
        assert isinstance(json.loads(text)["total"], int | float)


def test_loading_the_libraries_takes_nothing_of_the_time() -> None:
    program = (
        "import time; from host_server.core.fitting import misfit; from host_server.core.question import AnswerForm\n"
        "print(misfit('7', AnswerForm('R', {'type': 'integer'}), clock=time.monotonic, within=0.05))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout == "None\n"
