"""A request and its chain become one question."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.conversation import MAX_PICTURES, Chain, Conversation, converse
from host_server.core.question import Turn
from host_server.wire.errors import WireError
from host_server.wire.request import parse_create

CHAIN = Chain((Turn("user", "What is the total?"), Turn("assistant", "42")), ("ab" * 32,))
IMAGE = {"type": "input_image", "file_id": "cap_" + "cd" * 32}


def _converse(previous: Chain | None = None, **fields: Any) -> Conversation:
    return converse(parse_create(fields), previous)


def _refused(previous: Chain | None = None, **fields: Any) -> WireError:
    with pytest.raises(WireError) as caught:
        _converse(previous, **fields)
    return caught.value


def test_a_question_alone() -> None:
    question = _converse(input="Hello?", instructions="Be brief.")

    assert question == Conversation("Hello?", "Be brief.", (), (), ())


def test_another_question_inherits_turns_and_picture_but_not_instructions() -> None:
    question = _converse(CHAIN, input="And the date?")

    assert question == Conversation("And the date?", "", CHAIN.history, (), CHAIN.pictures)


def test_a_picture_of_its_own_leaves_the_old_one_behind() -> None:
    question = _converse(CHAIN, input=[{"role": "user", "content": [IMAGE, {"type": "input_text", "text": "This?"}]}])

    assert (len(question.images), question.pictures, question.history) == (1, (), CHAIN.history)


def test_earlier_messages_are_turns_and_system_messages_are_instructions() -> None:
    question = _converse(
        instructions="Be brief.",
        input=[
            {"role": "system", "content": "Speak Chinese."},
            {"role": "developer", "content": "No lists."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "Two?"}, {"type": "input_text", "text": "Or 3?"}],
            },
        ],
    )

    assert question.system == "Be brief.\n\nSpeak Chinese.\n\nNo lists."
    assert question.history == (Turn("user", "One?"), Turn("assistant", "Yes."))
    assert question.text == "Two?\nOr 3?"


def test_a_picture_needs_no_words() -> None:
    assert _converse(input=[{"role": "user", "content": [IMAGE]}]).text == ""
    assert _converse(CHAIN, input="").text == ""


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_is_no_question(text: str) -> None:
    assert _refused(input=text).message == "The question is empty."


def test_the_user_has_the_last_word() -> None:
    assert "user" in _refused(input=[{"role": "assistant", "content": "42"}]).message
    assert "user" in _refused(input=[{"role": "system", "content": "Be brief."}]).message


def test_pictures_are_counted_before_any_is_read() -> None:
    images = [IMAGE] * (MAX_PICTURES + 1)

    assert _refused(input=[{"role": "user", "content": images}]).code == "invalid_request"


def test_a_conversation_that_is_too_long_is_refused_whichever_part_it_is() -> None:
    long = Chain((Turn("user", "x" * 150_000),), ())

    assert _refused(long, input="y" * 60_000).code == "prompt_too_long"
    assert _refused(input="y" * 150_000, instructions="z" * 60_000).code == "prompt_too_long"


def test_the_chain_grows_by_question_and_answer() -> None:
    question = _converse(CHAIN, input="And the date?")

    assert question.then("Friday", CHAIN.pictures).history[-2:] == (
        Turn("user", "And the date?"),
        Turn("assistant", "Friday"),
    )
    assert question.then("", CHAIN.pictures) == CHAIN


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text(max_size=5)), min_size=1, max_size=6)
)
def test_no_word_of_a_conversation_is_lost(turns: list[tuple[str, str]]) -> None:
    messages = [{"role": role, "content": text} for role, text in turns]
    try:
        question = _converse(input=messages)
    except WireError:
        assert turns[-1][0] != "user" or not turns[-1][1].strip() or any(role == "system" for role, _ in turns)
        return

    said = [turn.text for turn in question.history] + [question.text]
    assert said == [text for role, text in turns if role != "system"]
    assert question.system == "\n\n".join(text for role, text in turns if role == "system" and text)
