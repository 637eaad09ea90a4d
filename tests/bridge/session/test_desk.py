"""Who follows which answer: the commands for viewers, not only what they come to see."""

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.answers import MAX_ANSWERS, Answer, Answers
from bridge.session.messages import Ask
from bridge.session.viewers import Desk
from host_server.wire.log import AnswerLog
from tests.support.session import HostAnswer
from tests.support.talk import A, Talk, types


def answer(name: str) -> Answer:
    return Answer(name, {"type": "bridge:question", "response_id": name}, None, None, AnswerLog())


def test_a_viewer_that_was_greeted_hears_of_everything_that_follows() -> None:
    talk = Talk()
    asked, told = talk.bring(A), HostAnswer("resp_1")
    talk.host_says(asked, told.created())
    talk.look(resume=None)
    assert do.Show("page", "resp_1") not in talk.host_says(asked, *told.words("a"))
    talk.feed(on.ViewerGreeted("page", {"resp_1": 0}))

    assert do.Show("page", "resp_1") in talk.host_says(asked, *told.words("b"))


def test_who_has_read_the_first_event_knows_the_question() -> None:
    talk = Talk()
    talk.host_says(talk.bring(A), HostAnswer("resp_1").created())
    talk.look(resume=None)
    talk.feed(on.ViewerGreeted("page", {"resp_1": 0}))

    assert "bridge:question" not in types(talk.read())


def test_greeting_twice_shows_nothing_twice() -> None:
    talk = Talk()
    talk.host_says(talk.bring(A), HostAnswer("resp_1").created())
    talk.look(resume=None)
    talk.feed(on.CatchUpDue("page"))
    assert types(talk.read()) == ["bridge:question", "response.created"]

    assert talk.feed(on.ViewerGreeted("page", {})) == []


def test_answers_that_are_forgotten_are_followed_no_longer() -> None:
    talk = Talk()
    talk.look()
    for n in range(MAX_ANSWERS + 10):
        talk.feed(on.ViewerAsked("page", Ask("Who?")))
        talk.host_says(talk.asked()[-1], *HostAnswer(f"resp_{n}").whole("x"))
        talk.read()

    assert len(talk.core._desk._readers["page"].following) == MAX_ANSWERS


def test_named_questions_are_for_pages() -> None:
    talk = Talk()
    talk.look("page")
    talk.feed(on.ViewerCame("laptop", "terminal", {}))
    talk.read("laptop")
    talk.feed(on.PromptsGiven(({"name": "receipt"},)))

    assert types(talk.read("page")) == ["bridge:prompts"]
    assert talk.read("laptop") == []


def test_what_was_read_before_is_shown_on_from_there_once() -> None:
    desk = Desk(Answers())
    desk.join("page", "page")
    desk.has_read("page", "resp_1", 5)

    assert do.Show("page", "resp_1", 5) in desk.open(answer("resp_1"))
    assert do.Show("page", "resp_1", 5) not in desk.open(answer("resp_1"))


def test_who_was_told_that_an_answer_is_gone_does_not_go_on_in_it() -> None:
    desk = Desk(Answers())
    desk.join("page", "page")
    desk.has_read("page", "resp_1", 5)
    desk.greet("page", {"resp_1": 5})

    assert not any(isinstance(command, do.Show) for command in desk.open(answer("resp_1")))
