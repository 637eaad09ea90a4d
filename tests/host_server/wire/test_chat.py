"""Chat completions: what a client may send becomes the same question; anything else is refused by name."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.wire.chat import ChatCreate, parse_chat
from host_server.wire.errors import WireError
from host_server.wire.request import InputImage, ResponseCreate, parse_create
from tests.support.chats import CHATS

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "text", "image_url", "url", "json_schema", "schema", "name"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)
_FIELDS = st.sampled_from(sorted(ChatCreate.model_fields))
_MESSAGES = [{"role": "user", "content": "hello"}]


def _question(**fields: Any) -> ResponseCreate:
    return parse_chat({"messages": _MESSAGES, **fields}).question()


def _refused(**fields: Any) -> WireError:
    with pytest.raises(WireError) as caught:
        parse_chat({"messages": _MESSAGES, **fields})
    return caught.value


@given(st.dictionaries(_FIELDS, _JSON, max_size=6))
def test_any_body_is_taken_or_refused(fields: dict[str, Any]) -> None:
    code, items = "", []
    try:
        items = parse_chat(fields).question().items
    except WireError as error:
        code = error.code

    assert bool(items) != (code in {"invalid_request", "unsupported_parameter"})


@pytest.mark.parametrize("body", [None, [], "x", 7, {}, {"messages": []}, {"messages": "x"}])
def test_what_is_no_question_is_refused(body: object) -> None:
    with pytest.raises(WireError) as caught:
        parse_chat(body)

    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("scenario", CHATS)
def test_the_question_is_one_that_could_have_been_asked_directly(scenario: str) -> None:
    question = parse_chat(CHATS[scenario]).question()
    body = json.loads(question.model_dump_json(by_alias=True, exclude_none=True))

    assert parse_create(body) == question


def test_every_field_reaches_the_question() -> None:
    question = _question(
        model="m",
        stream=True,
        metadata={"class": "batch"},
        max_completion_tokens=5,
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        stop="END",
        reasoning_effort="none",
        service_tier="flex",
        response_format={"type": "json_object"},
    )

    assert (question.model, question.stream, question.priority, question.thinking) == ("m", True, "batch", False)
    assert (question.max_output_tokens, question.temperature, question.top_p) == (5, 0.5, 0.9)
    assert (question.seed, question.stops, question.format.type) == (7, ("END",), "json_object")


def test_the_older_name_of_the_limit_is_understood() -> None:
    assert _question(max_tokens=9).max_output_tokens == 9


def test_the_question_is_never_stored() -> None:
    assert _question(store=True).store is False


def test_turns_pictures_and_roles_stay_what_they_are() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:x", "detail": "low", "uuid": "ours"}}
    question = _question(
        messages=[
            {"role": "developer", "content": "d", "name": "me"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, picture]},
            {"role": "assistant", "content": [{"type": "text", "text": "b"}, {"type": "refusal", "refusal": "no"}]},
            {"role": "assistant", "content": None, "refusal": None},
            {"role": "user", "content": "c"},
        ]
    )

    assert [item.role for item in question.items] == ["developer", "user", "assistant", "assistant", "user"]
    assert question.items[1].content[1] == InputImage(type="input_image", image_url="data:x", detail="low")
    assert [getattr(part, "text", None) for part in question.items[2].content] == ["b", "no"]
    assert question.items[3].content == ""


def test_the_schema_lies_one_level_deeper() -> None:
    schema = {"type": "object"}
    question = _question(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "R", "schema": schema, "strict": True, "description": "d"},
        }
    )

    told = {"type": "json_schema", "name": "R", "schema": schema, "strict": True, "description": "d"}
    assert question.format.echo() == told


@pytest.mark.parametrize(
    ("fields", "thinking"),
    [
        ({}, None),
        ({"chat_template_kwargs": {}}, None),
        ({"chat_template_kwargs": {"enable_thinking": True}}, True),
        ({"chat_template_kwargs": {"enable_thinking": False}}, False),
        ({"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": "minimal"}, False),
    ],
)
def test_thinking_is_asked_for_in_either_way(fields: dict[str, Any], thinking: bool | None) -> None:
    assert _question(**fields).thinking is thinking


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function"}]},
        {"functions": [{"name": "f"}]},
        {"n": 2},
        {"n": 0},
        {"modalities": ["text", "audio"]},
        {"logprobs": True},
        {"presence_penalty": 0.5},
        {"frequency_penalty": -1},
        {"logit_bias": {"50256": -100}},
        {"audio": {"voice": "alloy"}},
        {"web_search_options": {}},
    ],
)
def test_what_would_be_ignored_is_refused_by_name(fields: dict[str, Any]) -> None:
    (name,) = fields

    error = _refused(**fields)

    assert (error.code, error.param) == ("unsupported_parameter", name)


@pytest.mark.parametrize("key", ["tool_calls", "function_call"])
def test_earlier_calls_of_tools_are_refused(key: str) -> None:
    message = {"role": "assistant", "content": None, key: [{"id": "call_1"}]}

    assert _refused(messages=[message, *_MESSAGES]).code == "unsupported_parameter"


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1},
        {"tools": []},
        {"tool_choice": "none"},
        {"modalities": ["text"]},
        {"logprobs": False},
        {"presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}},
        {"user": "somebody", "parallel_tool_calls": True, "prediction": {}, "verbosity": "low", "made_up": 1},
    ],
)
def test_what_changes_nothing_is_taken(fields: dict[str, Any]) -> None:
    assert _question(**fields).items[0].content == "hello"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0"),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]},
            "messages.0",
        ),
        ({"messages": [*_MESSAGES, {"role": "user", "content": [{"type": "text"}]}]}, "messages.1.content.0.text.text"),
        ({"messages": [_MESSAGES[0]] * 201}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}] * 65}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "x" * 200_001}]}, "messages.0.content"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "R"}}}, "response_format.json_schema"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"stream_options": "all"}, "stream_options"),
        ({"temperature": 3}, "temperature"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"stop": list("abcde")}, "stop"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_a_refusal_names_the_place(fields: dict[str, Any], param: str) -> None:
    error = _refused(**fields)

    assert (error.code, error.param) == ("invalid_request", param)


def test_a_value_that_is_out_of_bounds_is_named_in_words_too() -> None:
    """The official client shows nothing but the message."""
    assert _refused(temperature=3).message == "`temperature`: Input should be less than or equal to 2."


def test_a_refusal_does_not_say_back_how_much_was_sent() -> None:
    error = _refused(messages=[{"role": "user", "content": [{"type": "x" * 100_000}]}])

    assert len(error.message) < 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {str(number): number for number in range(300_000)}},
        {"modalities": [1] * 300_000},
        {"logit_bias": {str(number): number for number in range(300_000)}},
        {"stop": [1] * 300_000},
        {"tools": [1] * 300_000},
        {"messages": [{"role": "x"}] * 300_000},
        {"messages": [{"role": "user", "content": [1] * 300_000}]},
    ],
)
def test_what_is_wrong_many_times_over_is_refused_as_quickly(fields: dict[str, Any]) -> None:
    began = time.process_time()
    _refused(**fields)

    assert time.process_time() - began < 0.2
