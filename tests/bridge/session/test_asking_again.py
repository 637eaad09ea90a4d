"""Another question about the same picture."""

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.core import SessionCore
from bridge.session.messages import Ask
from host_server.wire.errors import WireError
from tests.support.session import PHONE, PROMPT, HostAnswer, picture
from tests.support.talk import UP, A, B, Talk, error_codes


class TestAgain:
    def answered(self) -> Talk:
        talk = Talk()
        talk.look()
        talk.host_says(talk.bring(A), *HostAnswer("resp_1").whole("x"))
        talk.read()
        return talk

    def test_another_question_about_the_picture_builds_on_the_answer(self) -> None:
        talk = self.answered()
        talk.feed(on.ViewerAsked("page", Ask("And the date?", previous_response_id="resp_1")))
        create = talk.asked()[-1].create

        assert create["previous_response_id"] == "resp_1"
        assert [part["type"] for part in create["input"][0]["content"]] == ["input_text"]
        assert create["metadata"]["capture_id"] == A.capture_id

    def test_a_forgotten_chain_is_asked_with_the_picture_and_another_key(self) -> None:
        talk = self.answered()
        talk.feed(on.ViewerAsked("page", Ask("And the date?", previous_response_id="resp_1")))
        first = talk.asked()[-1]
        forgotten = WireError("previous_response_not_found", "Gone.")
        talk.feed(on.AskRefused(first.question_id, forgotten, retryable=False))
        second = talk.asked()[-1]

        assert "previous_response_id" not in second.create
        assert second.create["input"][0]["content"][0]["file_id"] == f"cap_{A.sha256}"
        assert second.create["metadata"]["idempotency_key"] != first.create["metadata"]["idempotency_key"]
        assert talk.read() == []

    def test_an_unknown_answer_with_its_picture_is_just_a_question(self) -> None:
        talk = self.answered()
        talk.feed(on.ViewerAsked("page", Ask("And?", sha256=A.sha256, previous_response_id="resp_old"), A))

        assert len(talk.asked()) == 2
        assert "previous_response_id" not in talk.asked()[-1].create

    def test_an_unknown_answer_without_a_picture_is_refused(self) -> None:
        talk = self.answered()
        talk.feed(on.ViewerAsked("page", Ask("And?", previous_response_id="resp_old", event_id="e")))

        (error,) = talk.read()
        assert (error["error"]["code"], error["event_id"]) == ("previous_response_not_found", "e")

    def test_another_picture_begins_a_new_chain(self) -> None:
        talk = self.answered()
        talk.feed(on.ViewerAsked("page", Ask("And?", sha256=B.sha256, previous_response_id="resp_1"), B))
        talk.feed(on.Uploaded(B.sha256, 1.0))

        create = talk.asked()[-1].create
        assert "previous_response_id" not in create
        assert create["input"][0]["content"][0]["file_id"] == f"cap_{B.sha256}"

    def test_an_answer_that_was_cut_is_no_ground_to_build_on(self) -> None:
        talk = Talk()
        talk.look()
        answer = HostAnswer("resp_1")
        talk.host_says(talk.bring(A), answer.created(), *answer.words("x"), *answer.cancelled())
        talk.feed(on.ViewerAsked("page", Ask("And?", previous_response_id="resp_1")))

        assert "previous_response_id" not in talk.asked()[-1].create

    def test_a_strangers_picture_is_refused(self) -> None:
        talk = self.answered()
        talk.feed(on.ViewerAsked("page", Ask("And?", sha256="ab" * 32)))

        assert error_codes(talk.read()) == ["capture_not_found"]

    def test_a_picture_the_page_brought_goes_to_the_host_before_it_is_asked_about(self) -> None:
        talk = self.answered()
        brought = picture("page.jpg", source="page")
        talk.feed(on.PageBrought(brought))
        assert talk.only(do.Upload)[-1].sha256 == brought.sha256
        talk.feed(on.Uploaded(brought.sha256, 5.0))
        talk.feed(on.ViewerAsked("page", Ask("And?", sha256=brought.sha256), brought))

        assert talk.asked()[-1].create["metadata"]["capture_id"] == brought.capture_id
        assert [command.sha256 for command in talk.only(do.Upload)].count(brought.sha256) == 1
        assert [event["state"] for event in talk.read() if event["type"] == "bridge:capture"] == ["pulled"]

    def test_it_is_sent_once_however_often_it_is_brought_and_asked_about(self) -> None:
        talk = self.answered()
        brought = picture("page.jpg", source="page")
        talk.feed(on.PageBrought(brought), on.PageBrought(brought))
        talk.feed(on.ViewerAsked("page", Ask("And?", sha256=brought.sha256), brought))
        talk.feed(on.Uploaded(brought.sha256, 5.0), on.PageBrought(brought))

        assert [command.sha256 for command in talk.only(do.Upload)].count(brought.sha256) == 1

    def test_a_picture_the_page_brought_while_the_host_is_away_is_sent_with_its_question(self) -> None:
        talk = self.answered()
        brought = picture("page.jpg", source="page")
        talk.feed(on.HostWent(), on.PageBrought(brought))
        assert brought.sha256 not in [command.sha256 for command in talk.only(do.Upload)]
        talk.feed(on.ViewerAsked("page", Ask("And?", sha256=brought.sha256), brought), UP)

        assert talk.only(do.Upload)[-1].sha256 == brought.sha256

    def test_options_and_the_sessions_model_reach_the_host(self) -> None:
        core = SessionCore(PHONE, prompt=PROMPT, nonce="n", model="ocr")
        core.handle(UP, 0.0)
        core.handle(on.ViewerCame("t", "terminal", {}), 0.0)
        (ask,) = core.handle(on.ViewerAsked("t", Ask("Hi", options={"max_output_tokens": 5})), 0.0)

        assert isinstance(ask, do.AskHost)
        assert (ask.create["model"], ask.create["max_output_tokens"]) == ("ocr", 5)

    def test_a_viewers_failed_question_does_not_close_the_picture(self) -> None:
        talk = self.answered()
        records = len(talk.only(do.Record))
        talk.feed(on.ViewerAsked("page", Ask("And?", previous_response_id="resp_1")))
        answer = HostAnswer("resp_2")
        talk.host_says(talk.asked()[-1], answer.created(), *answer.failed("internal"))

        assert len(talk.only(do.Record)) == records
