"""Named questions in a session: pages are offered them, and what belongs to a prompt goes with it to the host."""

from typing import Any

from bridge.session import events as on
from bridge.session.core import SessionCore
from bridge.session.messages import Ask
from tests.support.session import PHONE, PROMPT
from tests.support.talk import UP, A, Talk, types

OFFERED: tuple[dict[str, Any], ...] = ({"name": "menu", "title": {"en": "Menu", "zh": "菜单"}},)
OPTIONS = {"instructions": "Be brief.", "text": {"format": {"type": "json_object"}}}


def _talk_with_options() -> Talk:
    talk = Talk(host=False)
    talk.core = SessionCore(PHONE, prompt=PROMPT, nonce="n", options=OPTIONS)
    talk.watchers = type(talk.watchers)(talk.core)
    talk.feed(UP)
    return talk


def test_a_page_is_told_the_prompts_when_it_comes_and_when_they_change() -> None:
    talk = Talk()
    talk.feed(on.PromptsGiven(OFFERED))

    ready, prompts = talk.look()
    talk.feed(on.PromptsGiven(()))

    assert (ready["type"], prompts["type"], prompts["prompts"]) == (
        "bridge:session.ready",
        "bridge:prompts",
        list(OFFERED),
    )
    assert [event["prompts"] for event in talk.read()] == [[]]


def test_a_terminal_is_not_told_and_a_page_hears_of_none_when_there_are_none() -> None:
    talk = Talk()
    assert types(talk.look()) == ["bridge:session.ready"]

    talk.feed(on.ViewerCame("tty", "terminal", {}), on.PromptsGiven(OFFERED))

    assert types(talk.read("tty")) == ["bridge:session.ready"]
    assert types(talk.read()) == ["bridge:prompts"]


def test_the_sessions_own_prompt_is_asked_with_what_belongs_to_it() -> None:
    talk = _talk_with_options()

    asked = talk.bring(A).create

    assert {key: asked[key] for key in OPTIONS} == OPTIONS


def test_another_form_of_the_same_question_is_another_question() -> None:
    plain, formed = Talk().bring(A), _talk_with_options().bring(A)

    assert plain.question_id != formed.question_id
    assert formed.question_id == _talk_with_options().bring(A).question_id


def test_whoever_asks_the_sessions_prompt_asks_it_whole() -> None:
    talk = _talk_with_options()
    talk.look()

    talk.feed(on.ViewerAsked("page", Ask(PROMPT, options={"temperature": 1.0})))

    asked = talk.asked()[-1].create
    assert {key: asked[key] for key in ("temperature", *OPTIONS)} == {"temperature": 1.0, **OPTIONS}


def test_a_text_of_its_own_is_asked_without_them() -> None:
    talk = _talk_with_options()
    talk.look()

    talk.feed(on.ViewerAsked("page", Ask("What else?")))

    assert "instructions" not in talk.asked()[-1].create
