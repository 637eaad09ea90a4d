"""JSON out of what was read: labelled values, nothing made up."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.prompts import read_file
from bridge.prompts.book import SHIPPED
from host_server.core.fitting import misfit
from host_server.core.question import AnswerForm
from host_server.engines.ocr.fill import fill
from host_server.wire.schema import schema_faults
from tests.support.layout import page

ORDER = """
Order No      20251122-884213
Order date    2025/11/2
Status        Shipped
Quantity      3
Total         $1,204.50
"""


def _filled(properties: dict[str, Any], *texts: str) -> Any:
    form = AnswerForm("R", {"type": "object", "properties": properties})
    text = fill(form, [page(text) for text in texts or (ORDER,)])
    assert text is not None
    return json.loads(text)


@pytest.mark.parametrize(
    ("name", "schema", "value"),
    [
        ("order_number", {"type": "string"}, "20251122-884213"),
        ("orderNumber", {"type": "string"}, "20251122-884213"),
        ("订单号", {"type": "string"}, "20251122-884213"),
        ("n", {"type": "string", "title": "Order number"}, "20251122-884213"),
        ("n", {"type": "string", "description": "order number"}, "20251122-884213"),
        ("total", {"type": "number"}, 1204.5),
        ("total", {"type": "string"}, "$1,204.50"),
        ("total", {"anyOf": [{"type": "number"}, {"type": "null"}]}, 1204.5),
        ("quantity", {"type": "integer"}, 3),
        ("order_date", {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}, "2025-11-02"),
        ("order_date", {"type": "string"}, "2025/11/2"),
        ("status", {"enum": ["paid", "shipped"]}, "shipped"),
        ("tracking_number", {"type": ["string", "null"]}, None),
        ("text", {"type": "string"}, page(ORDER).text),
        ("lines", {"type": "array", "items": {"type": "string"}}, page(ORDER).text.splitlines()),
    ],
)
def test_a_property_is_filled_from_its_label(name: str, schema: dict[str, Any], value: Any) -> None:
    assert _filled({name: schema}) == {name: value}


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("tracking_number", {"type": "string"}),
        ("order_number", {"type": "integer"}),
        ("status", {"enum": ["paid"]}),
        ("status", {"type": "number"}),
        ("items", {"type": "array", "items": {"type": "object"}}),
        ("total", {"$ref": "#/$defs/money"}),
        ("total", True),
        ("shop", {"type": "string", "description": "name of the shop"}),
    ],
)
def test_what_is_not_printed_or_does_not_fit_is_left_out(name: str, schema: Any) -> None:
    assert _filled({name: schema}, ORDER + "Name    Alice\n") == {}


def test_a_value_known_by_its_form_alone_is_no_field() -> None:
    assert _filled({"total": {"type": ["number", "null"]}}, "Thank you $3.00") == {"total": None}


def test_several_pages_are_one_source() -> None:
    assert _filled({"total": {"type": "number"}}, "Status  paid", "Total  $7.00") == {"total": 7.0}


def test_an_object_of_any_kind_holds_the_text_and_other_forms_are_for_others() -> None:
    assert json.loads(fill(AnswerForm(), [page(ORDER)]) or "") == {"text": page(ORDER).text}
    assert fill(AnswerForm("R", {"type": "array"}), [page(ORDER)]) is None
    assert fill(AnswerForm("R", {"properties": 5}), [page(ORDER)]) is None


@pytest.mark.parametrize(
    ("name", "text"), [("order-status", ORDER), ("error-code", "Error code  E-1042\nMessage  Paper jam")]
)
def test_a_shipped_prompt_is_answered_by_reading_alone(name: str, text: str) -> None:
    schema = read_file(SHIPPED)[name].entry.json_schema
    form = AnswerForm(name, schema)

    answer = fill(form, [page(text)])

    assert answer is not None
    assert misfit(answer, form, clock=time.monotonic) is None
    assert {"20251122-884213", "E-1042"} & set(json.loads(answer).values())


SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "number", "integer", "null", "array", ["string", "null"]]),
        "title": st.sampled_from(["Total", "Order number", "", "what?"]),
        "enum": st.lists(st.sampled_from(["shipped", "Paid", 3, None]), min_size=1, max_size=3),
        "pattern": st.sampled_from(["^a", "[0-9]+", "(a|aa)+$"]),
    },
)


@given(
    st.dictionaries(st.text(max_size=12) | st.sampled_from(["total", "status", "text"]), SCHEMAS, max_size=4),
    st.text(alphabet="Total: $3.0\n订单号 Order No", max_size=60),
)
def test_whatever_is_asked_each_value_fits_its_own_schema(properties: dict[str, Any], text: str) -> None:
    schema = {"type": "object", "properties": properties}
    answer = fill(AnswerForm("R", schema), [page(text)])

    assert schema_faults(schema) == []
    assert answer is not None
    assert misfit(answer, AnswerForm("R", schema), clock=time.monotonic) is None
