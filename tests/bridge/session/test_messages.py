"""What a viewer may say, and that nothing else gets through."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.session.messages import MAX_QUESTION, Ack, Ask, Cancel, Hello, Pause, SendHeld, parse_viewer_message
from host_server.wire.errors import WireError

SHA256 = "ab" * 32
IMAGE = {"type": "input_image", "file_id": f"cap_{SHA256}"}
TEXT = {"type": "input_text", "text": "What is the total?"}


def create(content: Any, **fields: Any) -> str:
    return json.dumps({"type": "response.create", "input": [{"role": "user", "content": content}], **fields})


def code(text: str) -> str:
    with pytest.raises(WireError) as caught:
        parse_viewer_message(text)
    return caught.value.code


def test_a_question_about_a_picture() -> None:
    said = parse_viewer_message(create([IMAGE, TEXT], event_id="e1", max_output_tokens=9, unknown=1))

    assert said == Ask("What is the total?", SHA256, None, "e1", {"max_output_tokens": 9})


def test_a_page_may_ask_as_a_named_prompt_does() -> None:
    form = {"type": "json_schema", "name": "receipt", "schema": {"type": "object"}, "strict": True}
    asked = {"instructions": "Be brief.", "temperature": 0.0, "top_p": 0.5, "text": {"format": form}}

    said = parse_viewer_message(create([IMAGE, TEXT], **asked))

    assert isinstance(said, Ask)
    assert said.options == asked
    plain = parse_viewer_message(create([TEXT], text={"format": {"type": "text"}}))
    assert isinstance(plain, Ask)
    assert plain.options == {}


def test_a_question_about_the_picture_of_an_answer() -> None:
    said = parse_viewer_message(create("And the date?", previous_response_id="resp_1"))

    assert said == Ask("And the date?", previous_response_id="resp_1")


def test_cancel_hello_and_pause() -> None:
    assert parse_viewer_message('{"type":"response.cancel","response_id":"resp_1"}') == Cancel("resp_1")
    hello = '{"type":"bridge:hello","protocol":1,"resume":[{"id":"resp_1","starting_after":4}]}'
    assert parse_viewer_message(hello) == Hello({"resp_1": 4})
    assert parse_viewer_message('{"type":"bridge:pause","paused":true}') == Pause(paused=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_request"),
        ('{"type":"no.such"}', "unknown_event"),
        ('{"type":"bridge:pause","paused":1}', "invalid_request"),
        (create(""), "invalid_request"),
        (create(" \n"), "invalid_request"),
        (create("x" * (MAX_QUESTION + 1)), "prompt_too_long"),
        (create([IMAGE, IMAGE, TEXT]), "invalid_request"),
        (create([IMAGE]), "invalid_request"),
        (create([TEXT, {"type": "output_text", "text": "!"}]), "invalid_request"),
        (create([{"type": "input_image", "file_id": "../../etc/passwd"}, TEXT]), "invalid_request"),
        (create([{"type": "input_image", "image_url": "http://192.0.2.1/x"}, TEXT]), "invalid_request"),
        (json.dumps({"type": "response.create", "input": []}), "invalid_request"),
        (json.dumps({"type": "response.create", "input": [{"role": "assistant", "content": "x"}]}), "invalid_request"),
        (create("x", tools=[{}]), "unsupported_parameter"),
        ("[" * 100_000, "invalid_json"),
    ],
)
def test_anything_else_is_refused_by_name(text: str, expected: str) -> None:
    assert code(text) == expected


def test_the_refusal_names_the_message() -> None:
    with pytest.raises(WireError) as caught:
        parse_viewer_message(create("", event_id="e5"))

    assert caught.value.event_id == "e5"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TYPES = st.sampled_from(["response.create", "response.cancel", "bridge:hello", "bridge:pause", "error", ""])
FIELDS = st.sampled_from(["input", "response_id", "resume", "paused", "event_id", "previous_response_id", "metadata"])


@given(
    st.text() | st.builds(lambda kind, rest: json.dumps(rest | {"type": kind}), TYPES, st.dictionaries(FIELDS, JSON))
)
def test_whatever_the_text_it_is_a_message_or_a_wire_error(text: str) -> None:
    with suppress(WireError):
        assert isinstance(parse_viewer_message(text), Ask | Cancel | Hello | Pause)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"type":"bridge:send_held"}', SendHeld()),
        ('{"type":"bridge:ack","sequence_number":4}', Ack(4)),
        ('{"type":"bridge:ack","sequence_number":4,"response_id":null}', Ack(4)),
        ('{"type":"bridge:ack","sequence_number":4,"response_id":"resp_1"}', Ack(4, "resp_1")),
    ],
)
def test_what_is_between_page_and_laptop_alone(text: str, said: object) -> None:
    assert parse_viewer_message(text) == said


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"bridge:ack"}',
        '{"type":"bridge:ack","sequence_number":true}',
        '{"type":"bridge:ack","sequence_number":"4"}',
        '{"type":"bridge:ack","sequence_number":4,"response_id":7}',
        '{"type":"bridge:pause","paused":1}',
    ],
)
def test_and_what_is_not(text: str) -> None:
    assert code(text) == "invalid_request"
