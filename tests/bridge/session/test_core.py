"""Transcripts of one phone's conversation: what happens, and what the core wants done about it."""

import pytest

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.line import MAX_WAITING
from bridge.session.messages import Ask
from tests.support.playbook import Playbook
from tests.support.session import PROMPT, HostAnswer, new_core, picture
from tests.support.talk import UP, A, B, Talk, create_for, observed, seen_capture, types


def test_a_picture_is_uploaded_asked_about_answered_and_journalled() -> None:
    talk = Talk()
    question = talk.bring(A)
    answer = HostAnswer("resp_1")
    announced = {
        "type": "bridge:question",
        "response_id": "resp_1",
        "text": PROMPT,
        "capture_id": A.capture_id,
        "sha256": A.sha256,
        "asked_by": "camera",
        "model": "echo",
    }
    core = new_core()

    assert (
        Playbook(core)
        >> UP
        >> on.CaptureTaken(A)
        << seen_capture(A, "pulled")
        << do.Upload(A.sha256)
        >> on.Uploaded(A.sha256, 5.0)
        << seen_capture(A, "uploaded")
        << do.AskHost(question.question_id, create_for(A, question.question_id))
        >> on.HostSaid(question.question_id, answer.created())
        << observed("question", **{key: value for key, value in announced.items() if key != "type"})
    )


def test_viewers_see_the_question_and_then_each_word() -> None:
    talk = Talk()
    talk.look()
    question = talk.bring(A)
    answer = HostAnswer("resp_1")

    talk.host_says(question, answer.created(), *answer.words("Hel"))
    first = talk.read()
    talk.host_says(question, *answer.words("lo", "!"), *answer.completed())
    second = talk.read()

    assert types(first) == [
        "bridge:capture",
        "bridge:capture",
        "bridge:question",
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
    ]
    assert types(second)[0] == "response.output_text.delta"
    assert second[0]["delta"] == "lo!"
    assert types(second)[-1] == "response.completed"


def test_the_answer_is_journalled_and_reported_with_its_timings() -> None:
    talk = Talk()
    question = talk.bring(A)
    answer = HostAnswer("resp_1")
    talk.now = 0.5
    talk.host_says(question, answer.created(), *answer.words("Hel"))
    talk.now = 0.6
    talk.host_says(question, *answer.words("lo"))
    talk.now = 0.75
    talk.host_says(question, *answer.completed())

    assert talk.only(do.Record) == [do.Record(A.capture_id, question.question_id, "resp_1", "completed", "Hello")]
    (line,) = [command.event for command in talk.only(do.Observe) if command.event["event"] == "answer"]
    assert line["text"] == "Hello"
    assert line["timings_ms"] == {
        "pull": 7.0,
        "upload": 5.0,
        "queue": 1.0,
        "prepare": 2.0,
        "first_token": 500.0,
        "total": 750.0,
    }


@pytest.mark.parametrize(("cache", "cached"), [("hit", True), ("miss", False), ("off", False)])
def test_an_answer_that_the_host_knew_before_is_reported_as_such(cache: str, *, cached: bool) -> None:
    talk = Talk()
    question = talk.bring(A)
    answer = HostAnswer("resp_1")
    talk.host_says(question, answer.created(), *answer.words("42"), *answer.completed(cache=cache))

    (line,) = [command.event for command in talk.only(do.Observe) if command.event["event"] == "answer"]
    assert line["cached"] is cached


def test_the_same_capture_twice_is_asked_about_once() -> None:
    talk = Talk()
    talk.bring(A)

    assert talk.feed(on.CaptureTaken(A)) == []


def test_two_equal_pictures_are_two_questions_and_one_upload() -> None:
    talk = Talk()
    twin = picture("twin.jpg", content="a.jpg")
    question = talk.bring(A)
    talk.feed(on.CaptureTaken(twin))
    talk.host_says(question, *HostAnswer("resp_1").whole("x"))

    assert len(talk.only(do.Upload)) == 1
    assert [ask.create["metadata"]["capture_id"] for ask in talk.asked()] == [A.capture_id, twin.capture_id]


def test_questions_are_asked_one_at_a_time_and_in_order() -> None:
    talk = Talk()
    first = talk.bring(A)
    talk.feed(on.CaptureTaken(B), on.Uploaded(B.sha256, 1.0))

    assert talk.asked() == [first]
    talk.host_says(first, *HostAnswer("resp_1").whole("x"))
    assert len(talk.asked()) == 2


def test_a_person_goes_before_the_cameras_backlog() -> None:
    talk = Talk()
    talk.look()
    first = talk.bring(A)
    talk.feed(on.CaptureTaken(B), on.Uploaded(B.sha256, 1.0))
    talk.feed(on.ViewerAsked("page", Ask("And now?", sha256=A.sha256), A))
    talk.host_says(first, *HostAnswer("resp_1").whole("x"))

    assert talk.asked()[1].create["input"][0]["content"][1]["text"] == "And now?"


def test_only_two_pictures_travel_at_once() -> None:
    talk = Talk()
    pictures = [picture(f"{n}.jpg") for n in range(4)]
    for one in pictures:
        talk.feed(on.CaptureTaken(one))

    assert [upload.sha256 for upload in talk.only(do.Upload)] == [one.sha256 for one in pictures[:2]]
    talk.feed(on.Uploaded(pictures[1].sha256, 1.0))
    assert talk.only(do.Upload)[-1].sha256 == pictures[2].sha256


class TestBacklog:
    def test_pictures_beyond_the_line_stay_in_the_spool_until_there_is_room(self) -> None:
        talk = Talk(host=False)
        pictures = [picture(f"{n}.jpg") for n in range(MAX_WAITING + 1)]
        for one in pictures:
            talk.feed(on.CaptureTaken(one))
        talk.feed(UP)
        answered = 0
        while not talk.only(do.LoadPending):
            uploads = [command.sha256 for command in talk.only(do.Upload)]
            talk.feed(*(on.Uploaded(sha256, 1.0) for sha256 in uploads))
            talk.host_says(talk.asked()[-1], *HostAnswer(f"resp_{answered}").whole("x"))
            answered += 1

        assert MAX_WAITING > answered > 150
        talk.feed(on.CaptureTaken(pictures[-1]), on.CaptureTaken(pictures[-2]))
        assert len(talk.only(do.LoadPending)) == 1
        assert len(talk.core._lane.line) < 65


class TestStates:
    def test_pause_keeps_the_cameras_pictures_here(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.PauseSet(paused=True), on.CaptureTaken(A), on.CaptureTaken(picture("s.png", source="screen")))

        shown = talk.read()
        assert [(e["type"], e.get("paused", e.get("state"))) for e in shown] == [
            ("bridge:pause", True),
            ("bridge:capture", "skipped"),
            ("bridge:capture", "pulled"),
        ]
        assert talk.only(do.Record) == [do.Record(A.capture_id, "", "", "skipped", "")]
        assert A.sha256 not in [upload.sha256 for upload in talk.only(do.Upload)]
        talk.feed(on.PauseSet(paused=False), on.CaptureTaken(B))
        assert talk.only(do.Upload)[-1] == do.Upload(B.sha256)

    def test_the_phones_state_is_passed_on(self) -> None:
        talk = Talk()
        talk.look()
        talk.feed(on.DeviceChanged("offline", "no answer", "unlock it"))

        (told,) = talk.read()
        assert {
            "type": "bridge:device",
            "serial": "VP0001",
            "state": "offline",
            "hint": "unlock it",
        }.items() <= told.items()
        assert talk.only(do.Observe)[-1] == observed("device", state="offline", detail="no answer", hint="unlock it")

    def test_an_endless_answer_is_stopped_once(self) -> None:
        talk = Talk()
        answer = HostAnswer("resp_1")
        question = talk.bring(A)
        talk.host_says(question, answer.created(), *answer.words(*["x" * 400_000] * 4))

        assert talk.only(do.CancelAtHost) == [do.CancelAtHost("resp_1")]
        talk.host_says(question, *answer.cancelled())
        assert [record.status for record in talk.only(do.Record)] == ["cancelled"]
