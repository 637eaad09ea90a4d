"""What the camera folder tells reaches the terminal in words, with a next step where there is one."""

from bridge.captures.notices import Held, Refused, Trouble, Watching
from bridge.session.events import PhoneInfo
from bridge.supervise.notices import notice_event

PHONE = PhoneInfo("R58M", "dev_1", "Pixel")


def test_a_folder_that_is_watched_as_it_should_be_says_nothing() -> None:
    assert notice_event(PHONE, Watching(("/sdcard/DCIM/Camera",), "inotifyd")) is None


def test_polling_is_said_with_its_reason() -> None:
    event = notice_event(PHONE, Watching(("/sdcard/DCIM/Camera",), "polling", "no inotifyd"))

    assert event is not None
    assert "no inotifyd" in event["message"]


def test_held_pictures_are_counted_and_the_way_to_send_them_is_named() -> None:
    one, three = notice_event(PHONE, Held(1)), notice_event(PHONE, Held(3))

    assert one is not None
    assert three is not None
    assert one["message"].startswith("1 picture taken")
    assert three["message"].startswith("3 pictures taken")
    assert (one["count"], three["count"]) == (1, 3)
    assert "--catch-up" in three["hint"]


def test_a_refused_file_and_a_trouble_keep_their_own_words() -> None:
    refused, trouble = notice_event(PHONE, Refused("a.heic", "no", "do")), notice_event(PHONE, Trouble("slow", "wait"))

    assert refused is not None
    assert trouble is not None
    assert (refused["message"], refused["hint"], refused["name"]) == ("no", "do", "a.heic")
    assert (trouble["message"], trouble["hint"], trouble["final"]) == ("slow", "wait", False)
