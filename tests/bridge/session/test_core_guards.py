"""For each guard of the core, the case in which it matters."""

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.core import SessionCore
from bridge.session.line import MAX_WAITING
from bridge.session.messages import Ask
from tests.support.session import PHONE, PROMPT, HostAnswer, picture
from tests.support.talk import UP, A, B, Talk, types


def text_of(ask: do.AskHost) -> str:
    return str(ask.create["input"][0]["content"][-1]["text"])


def test_a_page_that_asks_again_what_runs_already_is_shown_it() -> None:
    talk = Talk()
    talk.look()
    ask = Ask("Who?", event_id="e1")
    talk.feed(on.ViewerAsked("page", ask), on.ViewerLeft("page"))
    talk.host_says(talk.asked()[0], HostAnswer("resp_1").created())
    talk.look("back", resume=None)
    talk.feed(on.ViewerAsked("back", ask))

    assert types(talk.read("back")) == ["bridge:question", "response.created"]


def test_a_page_that_asks_again_what_is_being_asked_need_not_wait_in_line() -> None:
    talk = Talk()
    talk.look()
    ask = Ask("Who?", event_id="e1")
    talk.feed(on.ViewerAsked("page", ask), on.ViewerAsked("page", ask))

    assert talk.read() == []
    assert len(talk.asked()) == 1


def test_questions_without_an_event_id_are_never_the_same() -> None:
    talk = Talk()
    talk.look()
    talk.feed(on.ViewerAsked("page", Ask("Who?")), on.ViewerAsked("page", Ask("Who?")))
    talk.host_says(talk.asked()[0], *HostAnswer("resp_1").whole("x"))

    assert len(talk.asked()) == 2


def test_the_second_in_line_is_told_its_place() -> None:
    talk = Talk()
    talk.look()
    talk.feed(on.ViewerAsked("page", Ask("Who?", event_id="e1")), on.ViewerAsked("page", Ask("What?", event_id="e2")))

    assert [(event["event_id"], event["position"], event["host"]) for event in talk.read()] == [("e2", 2, "ready")]


def test_the_backlog_is_not_taken_in_while_paused_or_without_a_host() -> None:
    talk = Talk(host=False)
    for n in range(MAX_WAITING + 1):
        talk.feed(on.CaptureTaken(picture(f"{n}.jpg")))
    for question in list(talk.core._lane.line):
        talk.core._lane.line.leave(question)
    talk.feed(on.PauseSet(paused=True), UP)
    assert talk.only(do.LoadPending) == []
    talk.feed(on.HostWent(), on.PauseSet(paused=False))
    assert talk.only(do.LoadPending) == []
    talk.feed(UP)

    assert len(talk.only(do.LoadPending)) == 1


def test_pausing_is_told_on_the_terminal() -> None:
    talk = Talk()
    talk.feed(on.PauseSet(paused=True), on.PauseSet(paused=False))

    assert [line.event["state"] for line in talk.only(do.Observe)] == ["paused", "watching"]


def test_a_picture_may_bring_its_own_prompt() -> None:
    talk = Talk()
    talk.feed(on.CaptureTaken(A, "What is the total?"), on.Uploaded(A.sha256, 1.0))

    assert text_of(talk.asked()[0]) == "What is the total?"


def test_the_name_of_a_question_is_the_same_after_a_restart_unless_it_differs() -> None:
    def name(prompt: str, model: str | None) -> str:
        core = SessionCore(PHONE, prompt=prompt, nonce="other", model=model)
        core.handle(UP, 0.0)
        core.handle(on.CaptureTaken(B), 0.0)
        (ask,) = [c for c in core.handle(on.Uploaded(B.sha256, 1.0), 0.0) if isinstance(c, do.AskHost)]
        return ask.question_id

    assert name(PROMPT, None) == name(PROMPT, None)
    assert len({name(PROMPT, None), name(PROMPT, "ocr"), name("Other?", None)}) == 3


def test_the_sessions_model_is_the_one_a_viewer_hears_of() -> None:
    core = SessionCore(PHONE, prompt=PROMPT, nonce="n", model="ocr")
    core.handle(UP, 0.0)
    (tell,) = core.handle(on.ViewerCame("page", "page", {}), 0.0)

    assert isinstance(tell, do.Tell)
    assert (tell.event["model"], tell.event["models"]) == ("ocr", ["echo"])


def test_a_host_that_is_back_is_told_once_and_the_first_one_is_no_news() -> None:
    talk = Talk()
    first = [told.event for told in talk.only(do.Observe)]
    talk.feed(on.HostWent(), UP, UP)
    told = [observed.event for observed in talk.only(do.Observe) if observed.event.get("state") == "host"]

    assert first == []
    assert [event["detail"] for event in told] == ["the host answers again"]


def test_whoever_names_a_question_with_a_picture_is_the_one_who_asked() -> None:
    talk = Talk()
    talk.feed(on.CaptureTaken(picture("a.jpg"), "What is this?"), on.CaptureTaken(picture("b.jpg")))
    asked = [question.asked_by for question in talk.core._lane.line]

    assert asked == ["terminal", "camera"]
