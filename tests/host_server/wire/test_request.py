"""What a client may send: anything else is refused by name, and nothing can make the parser fail otherwise."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.wire.errors import WireError
from host_server.wire.request import ResponseCancel, ResponseCreate, Resume, parse_create, parse_message

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "text", "input", "model", "metadata", "image_url", "detail"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)
_FIELDS = st.sampled_from(sorted(ResponseCreate.model_fields))


@given(st.text(max_size=60) | st.builds(json.dumps, _JSON))
def test_any_frame_is_a_message_or_a_refusal(text: str) -> None:
    error = _refusal_of(lambda: parse_message(text))

    assert error is None or error.row.status == 400


@given(st.dictionaries(_FIELDS, _JSON, max_size=6))
def test_any_question_is_taken_or_refused(fields: dict[str, Any]) -> None:
    error = _refusal_of(lambda: parse_create(fields).items)

    assert error is None or error.code in {"invalid_request", "unsupported_parameter"}


def _refusal_of(work: Callable[[], object]) -> WireError | None:
    try:
        work()
    except WireError as error:
        return error
    return None


def _refused(fields: dict[str, Any]) -> WireError:
    with pytest.raises(WireError) as caught:
        parse_create(fields)
    return caught.value


def test_a_question_may_be_a_string() -> None:
    (item,) = parse_create({"input": "hello"}).items

    assert (item.role, item.content) == ("user", "hello")


def test_a_message_needs_no_type_and_earlier_reasoning_is_left_out() -> None:
    create = parse_create({"input": [{"type": "reasoning", "id": "rs_1"}, {"role": "user", "content": "hello"}]})

    assert [item.content for item in create.items] == ["hello"]


def test_an_earlier_answer_may_come_back_as_input() -> None:
    content = [{"type": "output_text", "text": "42", "annotations": []}]
    create = parse_create(
        {"input": [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}]}
    )

    assert create.items[0].role == "assistant"


@pytest.mark.parametrize(
    "image",
    [
        {},
        {"image_url": "data:image/png;base64,AA==", "file_id": "cap_1"},
        {"file_id": "x" * 200},
        {"file_id": "cap_1", "detail": "huge"},
    ],
)
def test_a_picture_has_exactly_one_source(image: dict[str, str]) -> None:
    error = _refused({"input": [{"role": "user", "content": [{"type": "input_image", **image}]}]})

    assert error.code == "invalid_request"
    assert (error.param or "").startswith("input")


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("metadata", {"a": 1}, "metadata.a"),
        ("metadata", {"a": "x" * 513}, "metadata.a"),
        ("metadata", {str(n): "" for n in range(17)}, "metadata"),
        ("metadata", {"k" * 65: ""}, "metadata"),
        ("temperature", 2.1, "temperature"),
        ("temperature", float("nan"), "temperature"),
        ("top_p", -0.1, "top_p"),
        ("max_output_tokens", 0, "max_output_tokens"),
        ("model", "", "model"),
        ("stream_id", "x" * 129, "stream_id"),
        ("input", [], None),
        ("input", 7, None),
    ],
)
def test_a_field_out_of_its_range_is_named(field: str, value: Any, param: str | None) -> None:
    error = _refused({"input": "hello", field: value})

    assert error.code == "invalid_request"
    assert (error.param or "").startswith(param or "input")


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("tools", [{"type": "function"}], "tools"),
        ("background", True, "background"),
        ("conversation", "conv_1", "conversation"),
        ("prompt", {"id": "p"}, "prompt"),
    ],
)
def test_what_we_do_not_do_is_refused_by_name(field: str, value: Any, param: str) -> None:
    error = _refused({"input": "hello", field: value})

    assert (error.code, error.param) == ("unsupported_parameter", param)


@pytest.mark.parametrize(
    "extra",
    [
        {"tools": []},
        {"background": False},
        {"text": {"format": {"type": "text"}, "verbosity": "low"}},
        {"text": {}},
        {"truncation": "auto", "include": ["x"], "no_such_field": {"deep": [1]}},
    ],
)
def test_what_asks_for_nothing_special_is_taken(extra: dict[str, Any]) -> None:
    assert parse_create({"input": "hello", **extra}).input == "hello"


def test_an_object_is_expected() -> None:
    assert _refused([]).code == "invalid_request"  # type: ignore[arg-type]
    with pytest.raises(WireError, match="JSON object"):
        parse_message("[]")


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[" * 100_000, "\ud800"])
def test_a_frame_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_message(text)

    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("kind", ["response.steer", "no.such", 7, None, ["x"]])
def test_an_unknown_message_is_refused_and_its_sender_told_which(kind: Any) -> None:
    with pytest.raises(WireError) as caught:
        parse_message(json.dumps({"type": kind, "event_id": "c1", "stream_id": "A"}))

    assert (caught.value.code, caught.value.event_id, caught.value.stream_id) == ("unknown_event", "c1", "A")


@pytest.mark.parametrize("name", [7, "", "x" * 129, None])
def test_a_senseless_event_id_is_not_echoed(name: Any) -> None:
    with pytest.raises(WireError) as caught:
        parse_message(json.dumps({"type": "no.such", "event_id": name}))

    assert caught.value.event_id is None


def test_the_other_messages_are_read() -> None:
    cancel = parse_message('{"type":"response.cancel","response_id":"resp_1"}')
    hello = parse_message('{"type":"bridge:hello","protocol":1,"resume":[{"id":"resp_1","starting_after":5}]}')
    resume = parse_message('{"type":"bridge:resume","responses":[{"id":"resp_1"}]}')

    assert isinstance(cancel, ResponseCancel)
    assert isinstance(hello, Resume)
    assert isinstance(resume, Resume)
    assert [(point.id, point.starting_after) for point in hello.points] == [("resp_1", 5)]
    assert [(point.id, point.starting_after) for point in resume.points] == [("resp_1", -1)]


@pytest.mark.parametrize(
    ("format_", "param"),
    [
        ({"type": "json_schema", "name": "R", "schema": {"type": "text"}}, "text.format"),
        ({"type": "json_schema", "name": "R"}, "text.format"),
        ({"type": "json_schema", "schema": {}}, "text.format"),
        ({"type": "json_schema", "name": "no name", "schema": {}}, "text.format.name"),
        ({"type": "json_schema", "name": "R", "schema": {"$ref": "https://x.example/"}}, "text.format"),
        ({"type": "json_schema", "name": "R", "schema": []}, "text.format.schema"),
        ({"type": "xml"}, "text.format.type"),
    ],
)
def test_a_form_that_no_answer_can_be_held_to_is_refused_by_name(format_: dict[str, Any], param: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_create({"input": "x", "text": {"format": format_}})

    assert (caught.value.code, caught.value.param) == ("invalid_request", param)


@pytest.mark.parametrize(
    "format_",
    [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "name": "R", "schema": {"type": "object"}},
        {"type": "json_schema", "name": "R", "schema": {}, "strict": True, "description": "d"},
    ],
)
def test_the_form_of_an_answer_is_told_back_as_it_was_given(format_: dict[str, Any]) -> None:
    assert parse_create({"input": "x", "text": {"format": format_}}).format.echo() == format_
    assert parse_create({"input": "x"}).format.echo() == {"type": "text"}


def test_what_is_unknown_here_is_left_behind() -> None:
    part = {"type": "input_text", "text": "hello", "unknown": [[]]}

    create = parse_create({"input": [{"role": "user", "content": [part], "unknown": [[]]}], "unknown": [[]]})

    assert "unknown" not in repr(create)


@pytest.mark.parametrize(
    ("given", "stops"), [(None, ()), ("END", ("END",)), ([], ()), (["a", "b", "c", "d"], ("a", "b", "c", "d"))]
)
def test_a_stop_is_a_text_or_a_list_of_them(given: object, stops: tuple[str, ...]) -> None:
    assert parse_create({"input": "x", "stop": given}).stops == stops


@pytest.mark.parametrize("given", ["", [""], list("abcde"), "x" * 257, 7, ["a", None], {"a": "b"}])
def test_a_stop_that_cannot_be_is_refused(given: object) -> None:
    assert (_refused({"input": "x", "stop": given}).param or "").startswith("stop")


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        (None, None),
        ({}, None),
        ({"effort": None, "summary": "auto"}, None),
        ({"effort": "none"}, False),
        ({"effort": "minimal"}, False),
        ({"effort": "low"}, True),
        ({"effort": "max"}, True),
    ],
)
def test_the_effort_says_whether_to_think(reasoning: object, thinking: bool | None) -> None:
    assert parse_create({"input": "x", "reasoning": reasoning}).thinking is thinking


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ({}, "interactive"),
        ({"service_tier": "auto"}, "interactive"),
        ({"service_tier": "anything"}, "interactive"),
        ({"service_tier": "flex"}, "batch"),
        ({"metadata": {"class": "batch"}}, "batch"),
        ({"metadata": {"class": "math"}}, "interactive"),
        ({"metadata": {"class": "math"}, "service_tier": "flex"}, "batch"),
        ({"metadata": {"class": "interactive"}, "service_tier": "flex"}, "interactive"),
    ],
)
def test_who_can_wait_says_so(fields: dict[str, Any], priority: str) -> None:
    assert parse_create({"input": "x", **fields}).priority == priority


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 2**63},
        {"seed": -(2**63) - 1},
        {"seed": 0.5},
        {"seed": "many"},
        {"reasoning": {"effort": "huge"}},
        {"reasoning": "high"},
        {"service_tier": 7},
        {"service_tier": "x" * 129},
    ],
)
def test_a_wish_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    (name,) = fields

    assert (_refused({"input": "x", **fields}).param or "").startswith(name)
