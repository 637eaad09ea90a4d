"""Which schemas an answer may be held to: small, closed in themselves, well formed, and never followed for ever."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_server.wire.schema import MAX_BYTES, MAX_DEPTH, schema_faults

RECEIPT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Receipt",
    "description": "What a till printed.",
    "type": "object",
    "properties": {
        "total": {"type": ["number", "null"], "minimum": 0, "multipleOf": 0.01},
        "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "maxLength": 10},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "maxItems": 99, "uniqueItems": True},
        "kind": {"enum": ["till", "invoice"]},
        "paid": {"anyOf": [{"type": "boolean"}, {"const": None}], "default": None, "examples": [True]},
    },
    "required": ["total"],
    "additionalProperties": False,
    "$defs": {
        "line": {"type": "object", "properties": {"parts": {"type": "array", "items": {"$ref": "#/$defs/line"}}}}
    },
}


def _told(schema: object) -> list[str]:
    return [str(fault) for fault in schema_faults(schema)]


def test_a_good_schema_has_no_fault_even_where_it_holds_itself_one_step_deeper() -> None:
    assert _told(RECEIPT) == []
    assert _told({"properties": {"again": {"$ref": "#"}}}) == []
    assert _told({}) == []
    assert _told({"properties": {"a/b~c": {"type": "string"}}, "$ref": "#/properties/a~1b~0c"}) == []
    assert _told({"prefixItems": [True, False], "items": False, "contains": {"type": "null"}}) == []


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "a schema is an object"),
        ({"type": "text"}, "type: is one of object, array, string, integer, number, boolean, null, or a list of them"),
        ({"type": []}, "type: is one of"),
        ({"type": ["null", "null"]}, "type: is one of"),
        ({"requird": ["a"]}, "requird: is not supported; did you mean `required`?"),
        ({"patternProperties": {}}, "patternProperties: is not supported"),
        ({"zzzzzzzz": 1}, "zzzzzzzz: is not supported"),
        ({"required": ["a", "a"]}, "required: is a list of different names"),
        ({"required": "a"}, "required: is a list of different names"),
        ({"properties": ["a"]}, "properties: is an object of schemas"),
        ({"properties": {"a": 7}}, "properties.a: a schema is an object, true or false"),
        ({"anyOf": []}, "anyOf: is a list of schemas, with at least one"),
        ({"anyOf": [{"type": "nul"}]}, "anyOf.0.type: is one of"),
        ({"enum": []}, "enum: is a list with at least one value"),
        ({"examples": {}}, "examples: is a list"),
        ({"discriminator": []}, "discriminator: is an object"),
        ({"minLength": -1}, "minLength: is a whole number >= 0"),
        ({"minLength": True}, "minLength: is a whole number >= 0"),
        ({"minimum": "1"}, "minimum: is a number"),
        ({"multipleOf": 0}, "multipleOf: is a number > 0"),
        ({"uniqueItems": 1}, "uniqueItems: is true or false"),
        ({"title": 1}, "title: is a text"),
        ({"pattern": "("}, "pattern: is no regular expression"),
        ({"pattern": 1}, "pattern: is a text"),
        ({"pattern": "a" * 257}, "pattern: is longer than 256 characters"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "$schema: may only be"),
        ({"$id": "https://example.org/x"}, "$id: is not supported"),
        ({"$ref": "https://example.org/schema"}, "$ref: may only point into the schema itself"),
        ({"$ref": "file:///etc/passwd"}, "$ref: may only point into the schema itself"),
        ({"$ref": 1}, "$ref: is a text"),
        ({"$ref": "#/$defs/none"}, "$ref: points to no schema"),
        ({"$ref": "#/title", "title": "a"}, "$ref: points to no schema"),
        ({"$ref": "#"}, "$ref: leads back to itself"),
        ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "anyOf.1.$ref: leads back to itself"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}},
            "$defs.a.not.$ref: leads back to itself",
        ),
        ({"const": float("nan")}, "holds something that JSON cannot say"),
    ],
)
def test_a_bad_schema_is_told_with_its_place(schema: Any, said: str) -> None:
    assert said in "\n".join(_told(schema))


def test_all_faults_are_told_at_once_but_not_without_end() -> None:
    assert len(_told({"type": 1, "title": 2, "enum": 3})) == 3
    assert len(_told({"properties": {str(n): {"type": "x"} for n in range(100)}})) == 20


def test_patterns_have_a_number() -> None:
    def patterns(count: int) -> dict[str, Any]:
        return {"anyOf": [{"pattern": f"^{n}$"} for n in range(count)]}

    assert _told(patterns(32)) == []
    assert _told(patterns(40)) == ["anyOf.32.pattern: there are more than 32 patterns"]


def test_ranges_of_far_characters_have_a_number() -> None:
    def ranges(count: int) -> dict[str, Any]:
        return {"anyOf": [{"pattern": f"[\u4e00-\u9fff]{{{n}}}[A-Z]"} for n in range(count)]}

    assert _told(ranges(12)) == []
    assert _told(ranges(13)) == ["anyOf.12.pattern: there are more than 12 ranges of characters beyond ASCII"]


@pytest.mark.parametrize(
    "hostile",
    [
        {f"kw{n:04}": 1 for n in range(2300)},
        {
            "anyOf": [
                {"pattern": "(?i)" + "".join(f"[{chr(c)}-\uffff]" for c in range(97, 147)) + str(n)} for n in range(32)
            ]
        },
        {
            "anyOf": [
                {"pattern": "(?i)" + "".join(rf"[{chr(c)}-\uffff]" for c in range(97, 120)) + str(n)} for n in range(32)
            ]
        },
        {"anyOf": [{"pattern": "(?i)" + "[a-\\U0010ffff]" * 12 + str(n)} for n in range(32)]},
        {"anyOf": [{"pattern": "[" + "\u4e00-\u9fff" * 40 + f"]{n}"} for n in range(80)]},
        {"anyOf": [{"$ref": "#"}] * 2000},
        {"$defs": {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(900)}},
    ],
)
def test_the_largest_schema_is_judged_at_once(hostile: dict[str, Any]) -> None:
    began = time.process_time()

    assert _told(hostile)
    assert time.process_time() - began < 0.5


def test_a_schema_that_is_too_large_or_too_deep_is_not_even_read() -> None:
    deep: dict[str, Any] = {}
    for _ in range(MAX_DEPTH):
        deep = {"not": deep}

    assert _told({"title": "x" * MAX_BYTES}) == ["it is larger than 32 KiB"]
    assert _told(deep) == ["it is nested deeper than 32 levels"]
    assert _told(deep["not"]) == []


def test_a_schema_deeper_than_python_goes_is_refused() -> None:
    deepest: Any = {}
    for _ in range(100_000):
        deepest = {"not": deepest}
    try:
        assert _told(deepest)
    finally:
        while deepest:  # else the interpreter would take it apart recursively
            deepest = deepest["not"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$ref", "type", "properties", "items", "anyOf", "not", "enum", "pattern", "$defs", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=100)
@given(JSON)
def test_whatever_a_client_sends_it_is_judged(schema: Any) -> None:
    from jsonschema import Draft202012Validator

    if not schema_faults(schema):
        Draft202012Validator.check_schema(json.loads(json.dumps(schema)))
