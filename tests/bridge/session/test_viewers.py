"""Who looks sees every answer once, whenever it came."""

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.core import MAX_PER_VIEWER
from bridge.session.line import MAX_WAITING
from bridge.session.messages import Ask
from host_server.wire.errors import WireError
from tests.support.session import PROMPT, HostAnswer, picture
from tests.support.talk import A, Talk, error_codes, types


class TestViewers:
    def test_the_first_thing_a_viewer_hears_is_where_it_is(self) -> None:
        (ready,) = Talk().look()

        assert ready == {
            "type": "bridge:session.ready",
            "protocol": 1,
            "device": {"serial": "VP0001", "model": "Pixel 9"},
            "model": "echo",
            "models": ["echo"],
            "prompt": PROMPT,
            "watching": True,
            "held": 0,
            "host": "ready",
            "answers": [],
            "sequence_number": 0,
        }

    def test_a_late_viewer_waits_for_its_greeting_and_sees_the_running_answer_from_the_start(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        answer = HostAnswer("resp_1")
        talk.host_says(question, answer.created(), *answer.words("Hel"))
        assert types(talk.look(resume=None)) == ["bridge:session.ready"]
        talk.host_says(question, *answer.words("lo"))
        assert talk.read() == []
        talk.feed(on.CatchUpDue("page"))

        shown = talk.read()
        assert types(shown)[:2] == ["bridge:question", "response.created"]
        assert shown[-1]["delta"] == "Hello"

    def test_a_returning_viewer_gets_only_what_it_lacks(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        answer = HostAnswer("resp_1")
        talk.host_says(question, answer.created(), *answer.words("Hel"))
        talk.look(resume=None)
        talk.feed(on.ViewerGreeted("page", {"resp_1": 3}))
        talk.host_says(question, *answer.words("lo"))

        assert [event["sequence_number"] for event in talk.read()] == [5]
        talk.feed(on.CatchUpDue("page"))
        assert talk.read() == []

    def test_an_ended_answer_is_shown_again_only_when_asked_for_and_once(self) -> None:
        talk = Talk()
        talk.host_says(talk.bring(A), *HostAnswer("resp_1").whole("x"))
        assert [event["answers"] for event in talk.look()] == [["resp_1"]]
        talk.feed(on.ViewerGreeted("page", {"resp_1": -1}), on.ViewerGreeted("page", {"resp_1": -1}))

        shown = types(talk.read())
        assert shown[0] == "bridge:question"
        assert shown.count("response.completed") == 1

    def test_an_answer_that_is_not_kept_is_said_to_be_gone(self) -> None:
        talk = Talk()
        talk.look(resume=None)
        talk.feed(on.ViewerGreeted("page", {"resp_old": 4}), on.AnswerOver("resp_old"))

        (error,) = talk.read()
        assert (error["error"]["code"], error["error"]["param"]) == ("response_not_found", "resp_old")

    def test_the_asker_finds_its_own_event_id_in_the_question(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.ViewerAsked("page", Ask("Who?", event_id="e1")))
        talk.host_says(talk.asked()[0], HostAnswer("resp_1").created())

        assert talk.read()[0]["event_id"] == "e1"

    def test_a_question_sent_again_after_a_cut_is_the_same_question(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        talk.look()
        ask = Ask("Who?", event_id="e1")
        talk.feed(on.ViewerAsked("page", ask), on.ViewerLeft("page"))
        talk.look("back")
        talk.feed(on.ViewerAsked("back", ask))
        assert [(event["type"], event["position"]) for event in talk.read("back")] == [("bridge:waiting", 2)]
        talk.host_says(question, *HostAnswer("resp_1").whole("x"))
        talk.feed(on.ViewerAsked("back", ask))
        talk.host_says(talk.asked()[-1], HostAnswer("resp_2").created())
        talk.feed(on.ViewerAsked("back", ask))

        assert len(talk.asked()) == 2
        assert types(talk.read("back")).count("bridge:question") == 2

    def test_a_question_that_was_given_up_may_be_asked_again(self) -> None:
        talk = Talk()
        talk.look()
        ask = Ask("Who?", event_id="e1")
        talk.feed(on.ViewerAsked("page", ask))
        talk.feed(on.AskRefused(talk.asked()[0].question_id, WireError("model_not_found", "No."), retryable=False))
        talk.feed(on.ViewerAsked("page", ask))

        assert len(talk.asked()) == 2

    def test_nothing_is_sent_to_one_that_left_and_its_question_goes_on(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.ViewerAsked("page", Ask("Who?")), on.ViewerLeft("page"))
        told = len(talk.only(do.Tell) + talk.only(do.Show))
        talk.host_says(talk.asked()[0], *HostAnswer("resp_1").whole("x"))

        assert len(talk.only(do.Tell) + talk.only(do.Show)) == told
        assert talk.core.log("resp_1") is not None

    def test_one_that_left_can_no_longer_ask_greet_or_err(self) -> None:
        talk = Talk()
        stale: list[on.Event] = [
            on.ViewerAsked("gone", Ask("Who?")),
            on.ViewerGreeted("gone", {"resp_1": 0}),
            on.CatchUpDue("gone"),
            on.ViewerErred("gone", WireError("invalid_json", "?")),
            on.ViewerCancelled("gone", "resp_1"),
            on.ViewerLeft("gone"),
        ]

        assert talk.feed(*stale) == []

    def test_nonsense_is_answered_with_an_error(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.ViewerErred("page", WireError("unknown_event", "What?", event_id="e")))

        assert error_codes(talk.read()) == ["unknown_event"]

    def test_cancelling_an_unknown_answer_is_an_error_and_an_ended_one_is_fine(self) -> None:
        talk = Talk()
        talk.look()
        talk.host_says(talk.bring(A), *HostAnswer("resp_1").whole("x"))
        talk.read()
        talk.feed(on.ViewerCancelled("page", "resp_1"))
        assert talk.read() == []
        talk.feed(on.ViewerCancelled("page", "resp_9", "e"))

        assert error_codes(talk.read()) == ["response_not_found"]

    def test_one_viewer_cannot_fill_the_line(self) -> None:
        talk = Talk(host=False)
        talk.look()
        for _ in range(MAX_PER_VIEWER + 1):
            talk.feed(on.ViewerAsked("page", Ask("Who?")))

        assert error_codes(talk.read()) == ["too_many_inflight"]

    def test_a_full_line_refuses_people(self) -> None:
        talk = Talk(host=False)
        for n in range(MAX_WAITING):
            talk.feed(on.CaptureTaken(picture(f"{n}.jpg")))
        talk.look()
        talk.feed(on.ViewerAsked("page", Ask("Who?")))

        assert error_codes(talk.read()) == ["queue_full"]


def test_old_answers_are_forgotten_and_the_running_one_never() -> None:
    talk = Talk()
    talk.look()
    running = HostAnswer("resp_0")
    talk.host_says(talk.bring(A), running.created(), *running.words("x"), *running.completed())
    for n in range(1, 80):
        talk.feed(on.ViewerAsked("page", Ask("Who?")))
        talk.host_says(talk.asked()[-1], *HostAnswer(f"resp_{n}").whole("y" * 100))
        talk.read()

    assert talk.core.log("resp_0") is None
    assert talk.core.log("resp_79") is not None
    assert talk.look("late")[0]["answers"] == [f"resp_{n}" for n in range(16, 80)]
