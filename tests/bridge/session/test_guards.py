"""For each guard of the lane, the case in which it matters."""

from typing import Any

import pytest

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.messages import Ask
from host_server.wire.errors import WireError
from tests.support.session import HostAnswer
from tests.support.talk import UP, A, B, Talk, error_codes

FORGOTTEN = WireError("previous_response_not_found", "Gone.")


def chained() -> Talk:
    """The page has asked on about an answered picture."""
    talk = Talk()
    talk.look()
    talk.host_says(talk.bring(A), *HostAnswer("resp_1").whole("x"))
    talk.feed(on.ViewerAsked("page", Ask("And?", previous_response_id="resp_1")))
    talk.read()
    return talk


def interrupted() -> Talk:
    """An answer broke and waits for the host to ask again."""
    talk = Talk()
    talk.look()
    answer = HostAnswer("resp_1")
    question = talk.bring(A)
    talk.host_says(question, answer.created())
    talk.feed(on.HostWent())
    talk.host_says(question, *answer.failed())
    talk.read()
    return talk


def test_a_chained_question_refused_for_another_reason_is_refused() -> None:
    talk = chained()
    refused = WireError("prompt_too_long", "Too long.")
    talk.feed(on.AskRefused(talk.asked()[-1].question_id, refused, retryable=False))

    assert len(talk.asked()) == 2
    assert error_codes(talk.read()) == ["prompt_too_long"]


def test_a_chain_is_given_up_once() -> None:
    talk = chained()
    for _ in range(2):
        talk.feed(on.AskRefused(talk.asked()[-1].question_id, FORGOTTEN, retryable=False))

    assert len(talk.asked()) == 3
    assert error_codes(talk.read()) == ["previous_response_not_found"]


def test_a_chained_question_needs_no_picture_at_the_host() -> None:
    talk = chained()
    uploads = len(talk.only(do.Upload))
    talk.feed(on.HostWent(), on.AskLost(talk.asked()[-1].question_id), UP)

    assert len(talk.only(do.Upload)) == uploads
    assert len(talk.asked()) == 3


def test_an_upload_does_not_concern_a_chained_question_about_the_same_picture() -> None:
    talk = chained()
    talk.feed(on.HostWent(), on.AskLost(talk.asked()[-1].question_id))
    error = WireError("image_decode", "No picture.")
    talk.feed(on.UploadRefused(A.sha256, error, retryable=False), UP)

    assert len(talk.asked()) == 3


def test_cancelling_one_answer_leaves_the_other_running() -> None:
    talk = chained()
    talk.host_says(talk.asked()[-1], HostAnswer("resp_2").created())
    talk.feed(on.ViewerCancelled("page", "resp_1"), on.ViewerCancelled("page", "resp_nope"))

    assert talk.only(do.CancelAtHost) == []
    assert error_codes(talk.read()) == ["response_not_found"]


def test_a_question_that_is_not_accepted_yet_cannot_be_cancelled_by_a_name() -> None:
    talk = chained()
    talk.feed(on.ViewerCancelled("page", "resp_nope"))

    assert talk.only(do.CancelAtHost) == []


def test_cancelling_another_answer_leaves_the_interrupted_one_in_line() -> None:
    talk = interrupted()
    talk.feed(on.ViewerCancelled("page", "resp_nope"), UP, on.Uploaded(A.sha256, 1.0))

    assert error_codes(talk.read()) == ["response_not_found"]
    assert len(talk.asked()) == 2


def test_nothing_can_be_lost_or_refused_while_nothing_is_asked() -> None:
    talk = Talk()

    assert talk.feed(on.AskLost("q_1"), on.AskRefused("q_1", WireError("internal", "?"), retryable=True)) == []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.in_progress", "sequence_number": 0, "response": {"id": "resp_1"}},
        {"type": "response.created", "sequence_number": 0, "response": {"id": 7}},
        {"type": "response.created", "sequence_number": 0, "response": "resp_1"},
        {"type": "response.created", "sequence_number": 0},
    ],
)
def test_an_answer_begins_with_its_name(event: dict[str, Any]) -> None:
    talk = Talk()

    assert talk.host_says(talk.bring(A), event) == []


def test_a_refusal_names_the_picture_it_is_about() -> None:
    talk = Talk()
    question = talk.bring(B)
    talk.feed(on.AskRefused(question.question_id, WireError("model_not_found", "No."), retryable=False))

    assert talk.only(do.Observe)[-1].event["capture_id"] == B.capture_id


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            {"code": "server_error", "reason": "engine_oom", "message": "No room."},
            "engine_oom",
            "No room. Asking again.",
        ),
        ({"code": "server_error", "message": "Oh."}, "server_error", "Oh. Asking again."),
        ({}, "internal", "The answer failed. Asking again."),
    ],
)
def test_an_interruption_is_told_in_the_words_of_the_host(error: dict[str, Any], code: str, message: str) -> None:
    talk = Talk()
    question = talk.bring(A)
    failed = {"id": "resp_1", "status": "failed", "error": error | {"retryable": True}}
    talk.host_says(question, HostAnswer("resp_1").created())
    talk.host_says(question, {"type": "response.failed", "sequence_number": 1, "response": failed})

    told = talk.only(do.Observe)[-1].event
    assert (told["code"], told["message"], told["final"]) == (code, message, False)


def test_a_refused_picture_says_nothing_about_another() -> None:
    talk = Talk()
    talk.feed(on.CaptureTaken(A), on.CaptureTaken(B))
    talk.feed(on.UploadRefused(A.sha256, WireError("image_decode", "No."), retryable=False), on.Uploaded(B.sha256, 1.0))

    assert [record.capture_id for record in talk.only(do.Record)] == [A.capture_id]
    assert [ask.create["metadata"]["capture_id"] for ask in talk.asked()] == [B.capture_id]


def test_a_viewers_answer_is_journalled_beside_the_pictures_own() -> None:
    talk = chained()
    talk.host_says(talk.asked()[-1], *HostAnswer("resp_2").whole("y"))

    assert [(record.capture_id, record.text) for record in talk.only(do.Record)] == [
        (A.capture_id, "x"),
        (A.capture_id, "y"),
    ]
