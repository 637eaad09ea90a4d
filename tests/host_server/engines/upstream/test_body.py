"""A question as an OpenAI-compatible server is asked it, whole and without what it refuses."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion, Turn
from host_server.engines.upstream.body import affinity, body, extras
from host_server.engines.upstream.refusals import Extra, blamed

PICTURE = PreparedPicture("ab" * 32, 4, 4, b"jpeg", 8, 8, 9, "image/png")
FULL = PreparedQuestion(
    "What is it?",
    (PICTURE,),
    system="Be brief.",
    max_output_tokens=5,
    temperature=0.0,
    top_p=0.9,
    seed=7,
    stop=("END",),
    thinking=True,
    form=AnswerForm("A form!", {"type": "object"}, "what it is"),
)


def asked(question: PreparedQuestion, *without: Extra, thinking: bool = False) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(body(question, model="m", thinking=thinking, without=frozenset(without)))
    return read


def test_all_that_is_asked_stands_in_the_body() -> None:
    fields = asked(FULL)
    form = fields.pop("response_format")["json_schema"]
    system, user = fields.pop("messages")

    assert fields == {
        "model": "m",
        "stream": True,
        "max_tokens": 5,
        "chat_template_kwargs": {"enable_thinking": True},
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END"],
    }
    assert form == {"name": "A_form_", "schema": {"type": "object"}, "description": "what it is"}
    assert system == {"role": "system", "content": "Be brief."}
    assert [part["type"] for part in user["content"]] == ["image_url", "text"]
    url = user["content"][0]["image_url"]["url"]
    assert base64.b64decode(url.removeprefix("data:image/jpeg;base64,")) == b"jpeg"
    assert user["content"][1]["text"].startswith(
        'What is it?\n\nAnswer with nothing but JSON that fits this schema: {"'
    )


def test_a_plain_question_is_a_plain_body() -> None:
    fields = asked(PreparedQuestion("Hi"), "usage", "template")

    assert fields == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


def test_the_picture_stands_before_the_first_words_of_a_chain() -> None:
    history = (Turn("user", "What is it?"), Turn("assistant", "A cat."))
    first, answer, second = asked(PreparedQuestion("Which colour?", (PICTURE,), history=history))["messages"]

    assert [part["type"] for part in first["content"]] == ["image_url", "text"]
    assert answer == {"role": "assistant", "content": "A cat."}
    assert second == {"role": "user", "content": "Which colour?"}
    alone = asked(PreparedQuestion("What is it?", (PICTURE,)))["messages"]
    assert alone == [first]  # so that both begin with the same tokens


def test_a_picture_is_named_by_its_very_bytes() -> None:
    one, other = (PreparedPicture("ab" * 32, 4, 4, data, 8, 8, 9, "image/png") for data in (b"small", b"large"))
    names = [asked(PreparedQuestion("", (picture,)))["messages"][0]["content"][0]["uuid"] for picture in (one, other)]

    assert names[0] != names[1]
    assert "uuid" not in asked(PreparedQuestion("", (one,)), "uuid")["messages"][0]["content"][0]


def test_what_a_server_refuses_is_left_out_and_a_limit_is_kept_by_its_other_name() -> None:
    fields = asked(FULL, "usage", "template", "form", "max_tokens", "temperature", "top_p", "seed", "stop")

    assert set(fields) == {"model", "messages", "stream", "max_completion_tokens"}
    assert "JSON" in fields["messages"][1]["content"][1]["text"]


@pytest.mark.parametrize(
    ("question", "default", "sent"), [(None, True, True), (None, False, False), (False, True, False)]
)
def test_whether_to_think_is_said(question: bool | None, default: bool, sent: bool) -> None:
    fields = asked(PreparedQuestion("Hi", thinking=question), thinking=default)

    assert fields["chat_template_kwargs"] == {"enable_thinking": sent}


def test_any_json_is_asked_for_where_there_is_no_schema() -> None:
    assert asked(PreparedQuestion("Hi", form=AnswerForm()))["response_format"] == {"type": "json_object"}
    named = asked(PreparedQuestion("Hi", form=AnswerForm("", {})))["response_format"]
    assert named == {"type": "json_schema", "json_schema": {"name": "answer", "schema": {}}}


@given(st.text(), st.text())
def test_any_text_makes_a_body(text: str, system: str) -> None:
    assert asked(PreparedQuestion(text, (PICTURE,), system=system))["model"] == "m"


def test_half_a_character_is_a_question_mark() -> None:
    assert asked(PreparedQuestion("a\ud800b"))["messages"][0]["content"] == "a?b"


def test_questions_that_begin_alike_belong_together() -> None:
    about = PreparedQuestion("What?", (PICTURE,))
    chain = PreparedQuestion("And now?", history=(Turn("user", "What?"),))

    assert affinity(about) == PICTURE.sha256
    assert affinity(chain) == affinity(PreparedQuestion("What?"))
    assert affinity(chain) != affinity(PreparedQuestion("And now?"))


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ("Unknown parameter: 'messages[0].content[0].uuid'.", {"uuid"}),
        ("body.chat_template_kwargs: Extra inputs are not permitted", {"template"}),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", {"max_tokens"}),
        ("'temperature' does not support 0 with this model; 'top_p' neither", {"temperature", "top_p"}),
        ("response_format is not supported", {"form"}),
        ("stream_options: unknown field", {"usage"}),
        ("seed?", {"seed"}),
        ("stop: at most 4", {"stop"}),
        ("Bad request", {"uuid", "template"}),
    ],
)
def test_what_is_blamed_is_left_out(words: str, left_out: set[Extra]) -> None:
    assert blamed(words, extras(FULL), unclear=True) == left_out


def test_where_nothing_is_named_the_rarest_goes_first_and_the_question_itself_never() -> None:
    sent, tries = extras(FULL), []
    while more := blamed("no", sent, unclear=True):
        tries.append(more)
        sent -= more

    assert tries == [{"uuid", "template"}, {"usage"}, {"form"}]
    assert {"max_tokens", "temperature", "top_p", "seed", "stop"} == sent
    assert not blamed("no", extras(FULL), unclear=False)
