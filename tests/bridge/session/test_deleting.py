"""A picture that is deleted in the middle of everything: nothing more is asked, shown or kept about it."""

from dataclasses import replace

import pytest

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.messages import Ask
from host_server.wire.errors import WireError
from tests.support.session import HostAnswer, picture
from tests.support.talk import UP, A, B, Talk, error_codes, seen_capture, types

GONE = on.PictureDeleted(A.sha256, (A,))


def erased(talk: Talk) -> list[str]:
    """The answers that the host is told to forget."""
    return [name for command in talk.only(do.Forget) for name in command.response_ids]


def test_everybody_is_told_and_the_terminal_too() -> None:
    talk = Talk()
    talk.look("one")
    talk.look("two")
    out = talk.feed(GONE)

    for viewer in ("one", "two"):
        (told,) = talk.read(viewer)
        assert (told["type"], told["sha256"], told["captures"]) == ("bridge:deleted", A.sha256, [A.capture_id])
    assert seen_capture(A, "deleted") in out


def test_an_answer_that_has_ended_is_forgotten_here_and_at_the_host() -> None:
    talk = Talk()
    talk.host_says(talk.bring(A), *HostAnswer("resp_1").whole("x"))
    talk.host_says(talk.bring(B), *HostAnswer("resp_2").whole("y"))
    talk.feed(GONE)

    assert erased(talk) == ["resp_1"]
    assert talk.look()[0]["answers"] == ["resp_2"]
    talk.feed(on.ViewerGreeted("page", {"resp_1": -1}))
    assert "x" not in str(talk.read())


def test_one_that_is_being_written_is_stopped_and_makes_room_for_the_next() -> None:
    talk = Talk()
    answer = HostAnswer("resp_1")
    running = talk.bring(A)
    talk.host_says(running, answer.created(), *answer.words("secret"))
    talk.look()
    talk.feed(on.CaptureTaken(B), on.Uploaded(B.sha256, 1.0))
    before = len(talk.asked())
    talk.feed(GONE)

    assert do.CancelAtHost("resp_1") in talk.commands
    assert len(talk.asked()) == before + 1
    assert talk.host_says(running, *answer.words("more"), *answer.cancelled()) == []
    assert "bridge:deleted" in types(seen := talk.read())
    assert "secret" not in str(seen)


def test_one_that_was_not_accepted_yet_is_stopped_as_soon_as_it_is() -> None:
    talk = Talk()
    asked = talk.bring(A)
    talk.look()
    talk.feed(GONE)
    talk.read()
    out = talk.host_says(asked, HostAnswer("resp_1").created())

    assert out == [do.CancelAtHost("resp_1"), do.Forget(("resp_1",))]
    assert talk.read() == []


@pytest.mark.parametrize(
    "end",
    [on.AskLost("x"), on.AskRefused("x", WireError("queue_full", "Full."), retryable=True)],
    ids=["lost", "refused"],
)
def test_one_that_is_refused_or_lost_meanwhile_is_not_asked_again(end: on.AskLost | on.AskRefused) -> None:
    talk = Talk()
    name = talk.bring(A).question_id
    talk.feed(GONE)

    assert talk.feed(replace(end, question_id=name), on.RetryDue(name)) == []
    assert talk.core.waiting == 0


def test_what_waits_in_line_leaves_it_and_who_asked_hears_why() -> None:
    talk = Talk(host=False)
    talk.look()
    talk.feed(on.CaptureTaken(A), on.CaptureTaken(B))
    talk.feed(on.ViewerAsked("page", Ask("And?", sha256=A.sha256, event_id="e1"), A))
    talk.read()
    talk.feed(GONE)
    told = talk.read()

    assert types(told) == ["bridge:deleted", "error"]
    assert (error_codes(told), told[1]["event_id"]) == (["capture_not_found"], "e1")
    assert talk.core.waiting == 1
    talk.feed(UP)
    assert [command.sha256 for command in talk.only(do.Upload)] == [B.sha256]


def test_a_viewer_that_had_not_greeted_yet_hears_nothing_of_it() -> None:
    talk = Talk()
    answer = HostAnswer("resp_1")
    talk.host_says(talk.bring(A), answer.created(), *answer.words("x"))
    talk.look(resume=None)
    talk.feed(GONE)
    talk.read()
    talk.feed(on.CatchUpDue("page"))

    assert talk.read() == []


def test_the_same_picture_brought_again_goes_to_the_host_again() -> None:
    talk = Talk()
    talk.host_says(talk.bring(A), *HostAnswer("resp_1").whole("x"))
    talk.feed(GONE)
    again = replace(picture("again.jpg", source="page"), sha256=A.sha256)
    talk.feed(on.PageBrought(again))

    assert [command.sha256 for command in talk.only(do.Upload)] == [A.sha256, A.sha256]


def test_one_that_was_on_its_way_to_the_host_may_start_again() -> None:
    talk = Talk()
    talk.feed(on.CaptureTaken(A), GONE, on.CaptureTaken(replace(B, sha256=A.sha256)))

    assert len(talk.only(do.Upload)) == 2


def test_held_pictures_are_told_to_everybody_and_to_whoever_comes() -> None:
    talk = Talk()
    talk.look()
    talk.feed(on.PicturesHeld(3))

    assert [(event["type"], event["count"]) for event in talk.read()] == [("bridge:held", 3)]
    assert talk.look("late")[0]["held"] == 3


def test_a_question_knows_that_it_was_given_up() -> None:
    talk = Talk(host=False)
    talk.look()
    ask = Ask("And?", sha256=A.sha256, event_id="e1")
    talk.feed(on.ViewerAsked("page", ask, A), GONE)
    talk.read()
    talk.feed(on.ViewerAsked("page", ask))

    assert error_codes(talk.read()) == ["capture_not_found"]


def test_the_answer_about_another_picture_goes_on() -> None:
    talk = Talk()
    answer = HostAnswer("resp_2")
    running = talk.bring(B)
    talk.host_says(running, answer.created())
    talk.look()
    talk.feed(GONE)

    assert do.CancelAtHost("resp_2") not in talk.commands
    talk.host_says(running, *answer.words("on"), *answer.completed())
    assert "response.completed" in types(talk.read())
