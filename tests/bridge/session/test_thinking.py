"""What a host tells beside the words: that it thinks, that it loads, what it left out; none of it is the answer."""

from typing import Any

import pytest

from bridge.session import commands as do
from tests.support.answers import THOUGHTS, WORDS, answer
from tests.support.talk import A, Talk, types


def _told(talk: Talk, kind: str) -> list[dict[str, Any]]:
    return [dict(command.event) for command in talk.only(do.Observe) if command.event["event"] == kind]


def _talk(scenario: str, *, ended: bool = True) -> Talk:
    talk = Talk()
    talk.look()
    events = answer(scenario)
    talk.host_says(talk.bring(A), *(events if ended else events[:-1]))
    return talk


def test_thinking_reaches_the_page_and_is_no_part_of_the_answer() -> None:
    talk = _talk("reasoning")
    (line,) = _told(talk, "answer")

    assert "response.reasoning_text.delta" in types(talk.read())
    assert [each["delta"] for each in _told(talk, "delta")] == list(WORDS)
    assert (line["text"], line["thinking"]) == ("".join(WORDS), "".join(THOUGHTS))
    assert line["usage"]["output_tokens_details"] == {"reasoning_tokens": len(THOUGHTS)}


def test_an_answer_that_never_came_to_speak_has_no_words() -> None:
    (line,) = _told(_talk("only_reasoning"), "answer")

    assert (line["status"], line["text"], line["thinking"]) == ("incomplete", "", "".join(THOUGHTS))


def test_a_question_that_waits_for_the_model_is_told_once_and_one_in_line_is_not() -> None:
    assert [line["reason"] for line in _told(_talk("loading", ended=False), "waiting")] == ["loading"]
    assert _told(_talk("queued", ended=False), "waiting") == []


def test_what_was_left_out_is_told() -> None:
    (line,) = _told(_talk("image"), "answer")

    assert line["degraded"] == ["smaller_picture"]


@pytest.mark.parametrize("said", [None, 7, "all", {"a": 1}, [7, None, {}], [["x"]]])
def test_a_host_may_say_anything_there(said: object) -> None:
    talk = Talk()
    *events, last = answer("plain")
    broken = last["response"] | {"degraded": said, "usage": said}
    talk.host_says(talk.bring(A), *events, last | {"response": broken})
    (line,) = _told(talk, "answer")

    assert line["degraded"] == []
    assert line["usage"] is None or isinstance(line["usage"], dict)
