"""The bridge died and a new one came: the page goes on reading what it had begun, and nothing is asked twice."""

from typing import Any

import pytest

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.messages import Ask
from bridge.session.recovery import MAX_WANTED
from tests.support.session import HostAnswer
from tests.support.talk import UP, A, Talk, error_codes, types


def found(answer: str, *, about: Any = A) -> on.AnswerFound:
    return on.AnswerFound(answer, "q_of_the_one_before", about)


def said(answer: str, *events: dict[str, Any]) -> list[on.AnswerSaid]:
    return [on.AnswerSaid(answer, event) for event in events]


def returning(after: int = 3) -> Talk:
    """A page that had read the first events of an answer comes to a bridge that knows nothing."""
    talk = Talk()
    talk.look(resume=None)
    talk.feed(on.ViewerGreeted("page", {"resp_1": after}))
    assert talk.only(do.Recover) == [do.Recover("resp_1")]
    return talk


class TestFound:
    def test_the_page_reads_on_from_where_it_was_to_the_end(self) -> None:
        talk = returning(after=4)
        answer = HostAnswer("resp_1")
        events = answer.whole("one ", "two ", "three")
        talk.feed(found("resp_1"), *said("resp_1", *events), on.AnswerOver("resp_1"))

        shown = talk.read()
        assert shown[0]["merged"][0][0] == 5
        assert shown[-1] == events[-1]
        assert types(shown)[-1] == "response.completed"

    def test_it_is_journalled_for_the_one_who_asked(self) -> None:
        talk = returning()
        talk.feed(found("resp_1"), *said("resp_1", *HostAnswer("resp_1").whole("text")))

        assert talk.only(do.Record) == [do.Record(A.capture_id, "q_of_the_one_before", "resp_1", "completed", "text")]

    @pytest.mark.parametrize("end", ["failed", "disconnect"])
    def test_what_was_interrupted_is_not_journalled_so_that_it_is_asked_again(self, end: str) -> None:
        talk = returning()
        answer = HostAnswer("resp_1")
        begun = [answer.created(), *answer.words("x")]
        closing = answer.failed() if end == "failed" else answer.cancelled("disconnect")
        talk.feed(found("resp_1"), *said("resp_1", *begun, *closing))

        assert talk.only(do.Record) == []
        assert types(talk.read())[-1] in {"response.failed", "response.incomplete"}

    def test_a_failure_that_asking_again_would_not_cure_is_not_journalled_for_a_viewer_either(self) -> None:
        talk = returning()
        answer = HostAnswer("resp_1")
        begun = [answer.created(), *answer.words("x")]
        talk.feed(found("resp_1"), *said("resp_1", *begun, *answer.failed("image_decode")))

        assert talk.only(do.Record) == []

    def test_an_answer_about_no_picture_is_only_shown(self) -> None:
        talk = returning(after=-1)
        talk.feed(found("resp_1", about=None), *said("resp_1", *HostAnswer("resp_1").whole("text")))

        assert talk.only(do.Record) == []
        assert types(talk.read())[0] == "response.created"

    def test_everybody_who_wants_it_is_shown_it_and_it_is_fetched_once(self) -> None:
        talk = returning()
        talk.look("other", resume={"resp_1": -1})
        talk.feed(found("resp_1"), *said("resp_1", *HostAnswer("resp_1").whole("x")))

        assert len(talk.only(do.Recover)) == 1
        assert types(talk.read("other"))[0] == "response.created"

    def test_nobody_else_is_offered_what_was_never_announced_here(self) -> None:
        talk = returning()
        talk.feed(found("resp_1"), *said("resp_1", *HostAnswer("resp_1").whole("x")))

        assert [event["answers"] for event in talk.look("other")] == [[]]


class TestWithoutHost:
    def test_it_is_looked_for_when_a_host_comes(self) -> None:
        talk = Talk(host=False)
        talk.look(resume={"resp_1": 2})
        assert talk.only(do.Recover) == []
        talk.feed(UP, on.HostWent(), UP)

        assert talk.only(do.Recover) == [do.Recover("resp_1")]

    def test_a_host_that_goes_before_it_can_say_leaves_that_to_the_next(self) -> None:
        talk = returning()
        talk.feed(on.HostWent(), on.AnswerOver("resp_1", host_went=True))
        assert error_codes(talk.read()) == []
        talk.feed(UP)

        assert talk.only(do.Recover) == [do.Recover("resp_1")] * 2


class TestNotFound:
    def test_the_page_hears_that_it_is_lost(self) -> None:
        talk = returning()
        talk.feed(on.AnswerOver("resp_1"))

        (error,) = talk.read()
        assert (error["error"]["code"], error["error"]["param"]) == ("response_not_found", "resp_1")

    def test_a_page_that_knows_too_many_is_told_at_once(self) -> None:
        talk = Talk()
        talk.look(resume={f"resp_{n}": 0 for n in range(MAX_WANTED + 2)})

        assert len(talk.only(do.Recover)) == MAX_WANTED
        talk.feed(on.ViewerGreeted("page", {"resp_more": 0}))
        assert error_codes(talk.read()) == ["response_not_found"]

    def test_one_who_left_wants_nothing(self) -> None:
        talk = Talk()
        talk.feed(on.ViewerGreeted("nobody", {"resp_1": 0}))

        assert talk.only(do.Recover) == []

    def test_late_words_of_what_nobody_wants_change_nothing(self) -> None:
        talk = Talk()
        events = HostAnswer("resp_1").whole("x")

        assert talk.feed(found("resp_1"), *said("resp_1", *events), on.AnswerOver("resp_1")) == []

    def test_words_of_an_answer_of_somebody_else_are_not_taken(self) -> None:
        talk = returning()
        talk.feed(*said("resp_1", *HostAnswer("resp_1").whole("secret")))
        talk.feed(on.AnswerOver("resp_1"))

        assert error_codes(talk.read()) == ["response_not_found"]


class TestAskedAgainMeanwhile:
    """The picture's own question is asked again at the start, under the same key: the host gives the same answer."""

    def test_found_first_then_asked_again_it_is_one_answer(self) -> None:
        talk = returning(after=2)
        events = HostAnswer("resp_1").whole("one ", "two")
        talk.feed(found("resp_1"), *said("resp_1", *events[:4]))
        talk.host_says(talk.bring(A), *events)

        shown = talk.read()
        assert types(shown).count("response.completed") == 1
        assert next(n["sequence_number"] for n in shown if n["type"].startswith("response.")) == 3
        assert [record.response_id for record in talk.only(do.Record)] == ["resp_1"]

    def test_asked_again_first_and_announced_anew_the_page_still_reads_on_from_where_it_was(self) -> None:
        talk = returning(after=4)
        events = HostAnswer("resp_1").whole("one ", "two ", "three")
        talk.host_says(talk.bring(A), *events)

        (first, *_) = [event for event in talk.read() if event["type"].startswith("response.")]
        assert (first["delta"], first["merged"][0][0]) == ("two three", 5)

    def test_found_whole_the_question_ends_with_its_first_repeated_word(self) -> None:
        talk = returning()
        events = HostAnswer("resp_1").whole("one ", "two")
        talk.feed(found("resp_1"), *said("resp_1", *events))
        talk.host_says(talk.bring(A), events[0])
        ended = [line.event for line in talk.only(do.Observe) if line.event["event"] == "answer"]

        assert [line["text"] for line in ended] == ["one two"]
        assert {record.response_id for record in talk.only(do.Record)} == {"resp_1"}

    def test_asked_again_first_it_is_known_when_the_page_asks(self) -> None:
        talk = Talk()
        talk.host_says(talk.bring(A), *HostAnswer("resp_1").whole("x"))
        talk.look(resume={"resp_1": 2})

        assert talk.only(do.Recover) == []

    def test_found_after_it_was_asked_again_it_stays_as_it_was(self) -> None:
        talk = returning()
        events = HostAnswer("resp_1").whole("x")
        talk.host_says(talk.bring(A), *events)
        talk.feed(found("resp_1"), *said("resp_1", *events), on.AnswerOver("resp_1"))

        assert types(talk.read()).count("response.completed") == 1
        assert len(talk.only(do.Record)) == 1


class TestNames:
    def test_a_question_that_its_asker_named_is_the_same_for_every_bridge(self) -> None:
        asked = [self.asked(Ask("Who?", event_id="e1")) for _ in range(2)]

        assert asked[0].create == asked[1].create

    @pytest.mark.parametrize(
        "other", [Ask("Who?", event_id="e2"), Ask("What?", event_id="e1"), Ask("Who?", event_id="e1", options={"t": 1})]
    )
    def test_any_other_question_has_another_name(self, other: Ask) -> None:
        assert self.asked(other).question_id != self.asked(Ask("Who?", event_id="e1")).question_id

    @staticmethod
    def asked(ask: Ask) -> do.AskHost:
        talk = Talk()
        talk.look()
        talk.feed(on.ViewerAsked("page", ask))
        return talk.asked()[0]
