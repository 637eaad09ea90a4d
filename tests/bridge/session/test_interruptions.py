"""The host goes away, breaks, refuses or speaks too late."""

from typing import Any

import pytest

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.lane import MAX_INTERRUPTIONS
from bridge.session.messages import Ask
from bridge.session.patience import MAX_TRIES
from host_server.wire.errors import WireError
from tests.support.session import HostAnswer, picture
from tests.support.talk import UP, A, B, Talk, types


class TestHostAway:
    def test_pictures_wait_and_are_asked_about_when_it_comes(self) -> None:
        talk = Talk(host=False)
        talk.look()
        talk.feed(on.CaptureTaken(A))

        assert talk.only(do.Upload) == []
        assert [event.get("state") for event in talk.read()] == ["waiting"]
        talk.feed(UP)
        assert talk.only(do.Upload) == [do.Upload(A.sha256)]

    def test_viewers_and_the_terminal_are_told_once(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.HostWent(), on.HostWent())

        assert [(event["type"], event["state"]) for event in talk.read()] == [("bridge:host", "away")]
        assert [line.event["event"] for line in talk.only(do.Observe)] == ["error"]

    def test_a_picture_is_offered_again_to_the_next_host(self) -> None:
        talk = Talk()
        talk.feed(on.CaptureTaken(A), on.CaptureTaken(B), on.Uploaded(A.sha256, 1.0), on.Uploaded(B.sha256, 1.0))
        talk.feed(on.HostWent(), on.AskLost(talk.asked()[0].question_id), UP)

        assert [upload.sha256 for upload in talk.only(do.Upload)] == [A.sha256, B.sha256, A.sha256, B.sha256]

    def test_a_question_it_never_accepted_is_asked_again_under_the_same_key(self) -> None:
        talk = Talk()
        first = talk.bring(A)
        talk.feed(on.HostWent(), on.AskLost(first.question_id))
        assert talk.asked() == [first]
        talk.feed(UP, on.Uploaded(A.sha256, 1.0))

        assert talk.asked() == [first, first]

    def test_a_lost_upload_waits_for_the_host(self) -> None:
        talk = Talk()
        talk.feed(on.CaptureTaken(A), on.HostWent(), on.UploadLost(A.sha256))
        assert talk.only(do.RetryLater) == []
        talk.feed(UP)

        assert talk.only(do.Upload) == [do.Upload(A.sha256), do.Upload(A.sha256)]

    def test_no_patience_is_used_up_while_the_host_is_away(self) -> None:
        talk = Talk(host=False)
        talk.feed(on.CaptureTaken(A))
        for _ in range(MAX_TRIES + 1):
            talk.feed(UP, on.HostWent(), on.UploadLost(A.sha256))
        talk.feed(UP)

        assert talk.only(do.Upload) == [do.Upload(A.sha256)] * (MAX_TRIES + 2)

    def test_a_lost_upload_with_the_host_there_is_tried_later(self) -> None:
        talk = Talk()
        talk.feed(on.CaptureTaken(A), on.UploadLost(A.sha256))
        (later,) = talk.only(do.RetryLater)
        assert talk.only(do.Upload) == [do.Upload(A.sha256)]
        talk.feed(on.RetryDue(later.question_id))

        assert talk.only(do.Upload) == [do.Upload(A.sha256), do.Upload(A.sha256)]

    def test_a_viewers_question_says_that_it_waits(self) -> None:
        talk = Talk(host=False)
        talk.look()
        talk.feed(on.ViewerAsked("page", Ask("Who?", event_id="e1")))

        (waiting,) = talk.read()
        assert waiting["type"] == "bridge:waiting"
        assert (waiting["event_id"], waiting["position"], waiting["host"]) == ("e1", 1, "away")


class TestInterrupted:
    def test_an_answer_that_breaks_is_asked_again_once_and_linked_to_the_first(self) -> None:
        talk = Talk()
        talk.look()
        first = talk.bring(A)
        answer = HostAnswer("resp_1")
        talk.host_says(first, answer.created(), *answer.words("Hel"), *answer.failed())
        second = talk.asked()[-1]
        talk.host_says(second, *HostAnswer("resp_2").whole("Hello"))

        assert second.create["metadata"]["idempotency_key"] == f"{first.question_id}.1"
        shown = talk.read()
        assert [e.get("retry_of") for e in shown if e["type"] == "bridge:question"] == [None, "resp_1"]
        terminal = [e["type"] for e in shown if e["type"] in {"response.failed", "response.completed"}]
        assert terminal == ["response.failed", "response.completed"]
        assert [record.status for record in talk.only(do.Record)] == ["completed"]

    def test_it_waits_for_the_host_to_return(self) -> None:
        talk = Talk()
        first = talk.bring(A)
        answer = HostAnswer("resp_1")
        talk.host_says(first, answer.created())
        talk.feed(on.HostWent())
        talk.host_says(first, *answer.failed())
        assert len(talk.asked()) == 1
        talk.feed(UP, on.Uploaded(A.sha256, 1.0))

        assert len(talk.asked()) == 2

    def test_it_waits_as_long_as_the_host_says(self) -> None:
        talk = Talk()
        first = talk.bring(A)
        answer = HostAnswer("resp_1")
        talk.host_says(first, answer.created(), *answer.failed(retry_after_ms=2000))

        assert talk.only(do.RetryLater) == [do.RetryLater(first.question_id, 2.0)]
        assert len(talk.asked()) == 1
        talk.feed(on.RetryDue("q_of_somebody_else"))
        assert len(talk.asked()) == 1
        talk.feed(on.RetryDue(first.question_id))
        assert len(talk.asked()) == 2

    def test_a_polite_word_for_a_picture_is_no_answer_and_the_picture_is_asked_about_later(self) -> None:
        talk = Talk()
        first = talk.bring(A)
        answer = HostAnswer("resp_1")
        talk.host_says(first, answer.created(), *answer.words("Sorry."), *answer.declined(retry_after_ms=2000))

        assert talk.only(do.RetryLater) == [do.RetryLater(first.question_id, 2.0)]
        assert talk.only(do.Record) == []
        talk.feed(on.RetryDue(first.question_id))
        talk.host_says(talk.asked()[-1], *HostAnswer("resp_2").whole("Hello"))
        assert [record.status for record in talk.only(do.Record)] == ["completed"]

    def test_a_person_is_told_the_second_time_and_may_ask_again(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.ViewerAsked("page", Ask("Who?", event_id="e1")))
        for name in ("resp_1", "resp_2"):
            answer = HostAnswer(name)
            talk.host_says(talk.asked()[-1], answer.created(), *answer.failed())

        assert len(talk.asked()) == 2
        assert types(talk.read())[-1] == "response.failed"
        assert any(line.event["event"] == "answer" for line in talk.only(do.Observe))

    def test_a_pictures_own_question_is_asked_a_few_times_then_its_failure_is_final(self) -> None:
        talk = Talk()
        talk.look()
        ask = talk.bring(A)
        for number in range(MAX_INTERRUPTIONS + 1):
            assert talk.only(do.Record) == []
            answer = HostAnswer(f"resp_{number}")
            talk.host_says(ask, answer.created(), *answer.failed())
            ask = talk.asked()[-1]

        assert len(talk.asked()) == MAX_INTERRUPTIONS + 1
        assert [(record.status, record.text) for record in talk.only(do.Record)] == [("failed", "It broke.")]
        assert {"type": "bridge:capture", "state": "failed"}.items() <= talk.only(do.Tell)[-1].event.items()

    def test_one_that_broke_twice_lets_the_others_go_first(self) -> None:
        talk = Talk()
        ask = talk.bring(A)
        talk.feed(on.CaptureTaken(B), on.Uploaded(B.sha256, 1.0))
        for name in ("resp_1", "resp_2"):
            answer = HostAnswer(name)
            talk.host_says(ask, answer.created(), *answer.failed())
            ask = talk.asked()[-1]

        about = [ask.create["metadata"]["capture_id"] for ask in talk.asked()]
        assert about == [A.capture_id, A.capture_id, B.capture_id]

    def test_a_host_that_knows_nothing_of_it_is_asked_under_the_same_key(self) -> None:
        talk = Talk()
        first = talk.bring(A)
        answer = HostAnswer("resp_1")
        *events, end = [answer.created(), *answer.words("x"), *answer.failed()]
        talk.host_says(first, *events, {**end, "response": {**end["response"], "forgotten": True}})

        assert talk.asked() == [first, first]

    def test_a_failure_that_will_repeat_is_not_asked_again(self) -> None:
        talk = Talk()
        answer = HostAnswer("resp_1")
        talk.host_says(talk.bring(A), answer.created(), *answer.failed("internal"))

        assert len(talk.asked()) == 1

    @pytest.mark.parametrize(("by", "asked"), [("disconnect", 2), ("client", 1), ("deadline", 1)])
    def test_one_that_ended_because_nobody_was_there_is_asked_again(self, by: Any, asked: int) -> None:
        talk = Talk()
        answer = HostAnswer("resp_1")
        talk.host_says(talk.bring(A), answer.created(), *answer.cancelled(by))

        assert len(talk.asked()) == asked

    def test_a_cancelled_one_is_not_asked_again(self) -> None:
        talk = Talk()
        talk.look()
        answer = HostAnswer("resp_1")
        question = talk.bring(A)
        talk.host_says(question, answer.created())
        talk.feed(on.ViewerCancelled("page", "resp_1"))
        talk.host_says(question, *answer.failed())

        assert talk.only(do.CancelAtHost) == [do.CancelAtHost("resp_1")]
        assert len(talk.asked()) == 1

    def test_one_that_waits_to_be_asked_again_can_be_cancelled(self) -> None:
        talk = Talk()
        talk.look()
        answer = HostAnswer("resp_1")
        question = talk.bring(A)
        talk.host_says(question, answer.created())
        talk.feed(on.HostWent())
        talk.host_says(question, *answer.failed())
        talk.feed(on.ViewerCancelled("page", "resp_1"), UP)

        assert [record.status for record in talk.only(do.Record)] == ["cancelled"]
        assert len(talk.asked()) == 1


class TestRefused:
    def test_a_refused_question_tells_its_asker_alone(self) -> None:
        talk = Talk()
        talk.look()
        talk.look("other")
        talk.feed(on.ViewerAsked("page", Ask("Who?", event_id="e7")))
        question = talk.asked()[0]
        talk.feed(on.AskRefused(question.question_id, WireError("prompt_too_long", "Too long."), retryable=False))

        (error,) = talk.read()
        assert error["error"]["code"] == "prompt_too_long"
        assert error["event_id"] == "e7"
        assert talk.read("other") == []

    def test_a_refused_picture_is_final_and_told_to_all(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.CaptureTaken(A))
        talk.feed(on.UploadRefused(A.sha256, WireError("image_decode", "No picture."), retryable=False))

        told = talk.read()[-1]
        assert (told["state"], told["error"]["code"]) == ("failed", "image_decode")
        assert [record.status for record in talk.only(do.Record)] == ["failed"]
        talk.feed(on.CaptureTaken(B))
        assert talk.only(do.Upload)[-1] == do.Upload(B.sha256)

    def test_a_busy_host_is_asked_later_and_longer_each_time(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        for _ in range(2):
            talk.feed(on.AskRefused(question.question_id, WireError("queue_full", "Busy."), retryable=True))
            talk.feed(on.RetryDue(question.question_id))

        assert [later.seconds for later in talk.only(do.RetryLater)] == [0.25, 0.5]
        assert talk.asked() == [question] * 3

    def test_a_busy_host_may_name_the_time(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        busy = WireError("rate_limited", "Slow down.", retry_after_ms=60_000)
        talk.feed(on.AskRefused(question.question_id, busy, retryable=True))

        assert talk.only(do.RetryLater) == [do.RetryLater(question.question_id, 30.0)]

    def test_patience_ends_and_the_picture_stays_in_the_spool(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        for _ in range(MAX_TRIES + 1):
            talk.feed(on.AskRefused(question.question_id, WireError("queue_full", "Busy."), retryable=True))
            talk.feed(on.RetryDue(question.question_id))

        assert len(talk.asked()) == MAX_TRIES + 1
        assert talk.only(do.Record) == []
        assert talk.only(do.Observe)[-1].event["event"] == "error"

    @pytest.mark.parametrize("well", ["another host", "another answer"])
    def test_a_picture_that_was_left_behind_gets_a_second_chance_when_the_host_is_well_again(self, well: str) -> None:
        talk = self.left_behind()
        if well == "another host":
            talk.feed(on.HostWent(), UP)
        else:
            talk.host_says(talk.bring(B), *HostAnswer("resp_1").whole("x"))
        assert len(talk.only(do.LoadPending)) == 1
        count = len(talk.asked())
        talk.feed(on.CaptureTaken(A), on.Uploaded(A.sha256, 1.0))

        assert talk.asked()[count].create["metadata"]["capture_id"] == A.capture_id
        assert len(talk.only(do.LoadPending)) == 1

    def test_one_that_arrives_torn_gets_none(self) -> None:
        talk = self.left_behind("hash_mismatch")
        talk.feed(on.HostWent(), UP)

        assert talk.only(do.LoadPending) == []

    @staticmethod
    def left_behind(code: str = "queue_full") -> Talk:
        talk = Talk()
        question = talk.bring(A)
        for _ in range(MAX_TRIES + 1):
            talk.feed(on.AskRefused(question.question_id, WireError(code, "No."), retryable=True))
            talk.feed(on.RetryDue(question.question_id))
        assert talk.only(do.LoadPending) == []
        return talk

    def test_a_host_without_room_for_a_picture_is_offered_it_again(self) -> None:
        talk = Talk()
        talk.feed(on.CaptureTaken(A))
        talk.feed(on.UploadRefused(A.sha256, WireError("storage_full", "No room."), retryable=False))
        (later,) = talk.only(do.RetryLater)
        assert "disk" in talk.only(do.Observe)[-1].event["hint"]
        talk.feed(on.RetryDue(later.question_id))

        assert talk.only(do.Record) == []
        assert talk.only(do.Upload) == [do.Upload(A.sha256)] * 2

    def test_the_next_host_is_asked_at_once_and_with_fresh_patience(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        for _ in range(MAX_TRIES):
            talk.feed(on.AskRefused(question.question_id, WireError("server_draining", "Ends."), retryable=True))
            talk.feed(on.RetryDue(question.question_id))
        talk.feed(on.HostWent(), on.AskLost(question.question_id), UP, on.Uploaded(A.sha256, 1.0))
        assert len(talk.asked()) == MAX_TRIES + 2
        talk.feed(on.AskRefused(question.question_id, WireError("queue_full", "Busy."), retryable=True))
        talk.feed(on.RetryDue(question.question_id))

        assert len(talk.asked()) == MAX_TRIES + 3

    def test_a_refusal_of_an_accepted_question_is_too_late(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        talk.host_says(question, HostAnswer("resp_1").created())

        assert talk.feed(on.AskRefused(question.question_id, WireError("internal", "?"), retryable=False)) == []

    def test_a_retryable_upload_refusal_is_tried_later(self) -> None:
        talk = Talk()
        talk.feed(on.CaptureTaken(A))
        talk.feed(on.UploadRefused(A.sha256, WireError("hash_mismatch", "Torn."), retryable=True))
        (later,) = talk.only(do.RetryLater)
        talk.feed(on.RetryDue(later.question_id))

        assert talk.only(do.Upload) == [do.Upload(A.sha256)] * 2

    def test_a_picture_the_host_has_lost_is_sent_once_more(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        gone = WireError("capture_not_found", "Gone.")
        talk.feed(on.AskRefused(question.question_id, gone, retryable=False))
        assert talk.only(do.Upload) == [do.Upload(A.sha256)] * 2
        talk.feed(on.Uploaded(A.sha256, 1.0))
        talk.feed(on.AskRefused(question.question_id, gone, retryable=False))

        assert talk.only(do.Upload) == [do.Upload(A.sha256)] * 2
        assert [record.status for record in talk.only(do.Record)] == ["failed"]


class TestWithoutPicture:
    def test_a_question_of_somebody_who_left_is_reported_when_it_is_refused(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.ViewerAsked("page", Ask("Who?")), on.ViewerLeft("page"))
        talk.feed(on.AskRefused(talk.asked()[0].question_id, WireError("model_not_found", "No."), retryable=False))

        assert talk.only(do.Observe)[-1].event["code"] == "model_not_found"
        assert talk.only(do.Observe)[-1].event["final"] is True


class TestLate:
    def test_words_for_another_question_are_ignored(self) -> None:
        talk = Talk()
        talk.bring(A)

        assert talk.feed(on.HostSaid("q_else", HostAnswer("resp_9").created())) == []

    def test_words_after_the_end_are_ignored(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        events = HostAnswer("resp_1").whole("x")
        talk.host_says(question, *events)

        assert talk.host_says(question, *events) == []

    def test_events_out_of_order_are_ignored(self) -> None:
        talk = Talk()
        question = talk.bring(A)
        answer = HostAnswer("resp_1")
        created = answer.created()
        talk.host_says(question, created)

        assert talk.host_says(question, created) == []

    @pytest.mark.parametrize("event", [{"type": "response.in_progress"}, {"type": "response.created", "response": 3}])
    def test_nothing_begins_without_a_proper_first_event(self, event: dict[str, Any]) -> None:
        talk = Talk()

        assert talk.host_says(talk.bring(A), event) == []

    def test_an_answer_that_was_shown_already_is_not_shown_again(self) -> None:
        talk = Talk()
        events = HostAnswer("resp_1").whole("x")
        talk.host_says(talk.bring(A), *events)
        shown = talk.host_says(talk.bring(B), *events)

        assert shown == []
        assert len(talk.bring(picture("c.jpg")).create) > 0

    def test_a_question_that_is_not_asked_cannot_be_lost(self) -> None:
        talk = Talk()
        talk.bring(A)

        assert talk.feed(on.AskLost("q_else")) == []
