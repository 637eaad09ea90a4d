"""The settle core: which file becomes a capture, when, and how often. One test for each guard."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.captures.ending import Ending
from bridge.captures.naming import kind_of
from bridge.captures.settle import GRACE_S, SettleCore
from bridge.captures.signals import (
    Accept,
    Alarm,
    CatchUp,
    Command,
    Committed,
    Discard,
    Hold,
    List,
    Listed,
    Look,
    Looked,
    Opened,
    Paused,
    Pull,
    Pulled,
    PullFailed,
    Refuse,
    Remember,
    StillWriting,
    Tick,
)
from bridge.spool import MAX_PICTURE_BYTES, FileKey

FOLDER = b"/sdcard/DCIM/Camera"
NONE: frozenset[FileKey] = frozenset()


def key(name: str = "a.jpg", mtime: int = 5, size: int = 100) -> FileKey:
    return FileKey(FOLDER + b"/" + name.encode(), mtime, size)


def opened(
    *files: FileKey, done: frozenset[FileKey] = NONE, held: frozenset[FileKey] = NONE, away: float | None = 1.0
) -> Opened:
    return Opened(FOLDER, files, done, held, away)


@pytest.fixture
def core() -> SettleCore:
    """A core that watches an empty folder since time 0."""
    core = SettleCore()
    core.feed(opened(away=None), 0.0)
    return core


def settled(core: SettleCore, file: FileKey, now: float = 100.0) -> list[Command]:
    """Let a listing show the file until it has been steady for long enough."""
    core.feed(Listed(FOLDER, (file,)), now)
    return core.feed(Listed(FOLDER, (file,)), now + 0.2)


# ------------------------------------------------------------------------------------------------ moved
@pytest.mark.parametrize("ending", ["whole", "trailer"])
def test_a_file_moved_to_its_name_is_pulled_and_accepted_at_once(core: SettleCore, ending: Ending) -> None:
    assert core.feed(Alarm(key().path, moved=True), 1.0) == [Pull(key().path)]
    assert core.feed(Pulled(key(), ending), 1.1) == [Accept(key(), final_at=1.0)]
    assert core.feed(Committed(key()), 1.2) == []
    assert core.due() is None
    assert core.feed(Listed(FOLDER, (key(),)), 2.0) == []


def test_a_file_moved_but_no_picture_has_to_settle(core: SettleCore) -> None:
    core.feed(Alarm(key().path, moved=True), 1.0)
    assert core.feed(Pulled(key(), "alien"), 1.1) == [Discard(key().path)]
    assert core.feed(Looked(key().path, key()), 1.3) == []


def test_a_file_moved_to_its_name_without_an_end_is_waited_for_a_little_and_told_once(core: SettleCore) -> None:
    core.feed(Alarm(key().path, moved=True), 1.0)
    assert core.feed(Pulled(key(), "cut"), 1.1) == [StillWriting(key(), 2.0), Discard(key().path)]
    assert core.feed(Looked(key().path, key()), 3.0) == []
    assert core.feed(Looked(key().path, key()), 3.2) == [Pull(key().path)]
    assert core.feed(Pulled(key(), "cut"), 3.2) == [Accept(key(), final_at=3.2)]


def test_a_file_moved_to_its_name_and_then_written_on_has_the_patience_of_any_other(core: SettleCore) -> None:
    core.feed(Alarm(key().path, moved=True), 1.0)
    core.feed(Pulled(key(), "cut"), 1.1)
    grown = key(size=200)
    core.feed(Looked(grown.path, grown), 2.0)
    assert core.feed(Looked(grown.path, grown), 2.2) == [Pull(grown.path)]
    assert core.feed(Pulled(grown, "cut"), 2.2) == [Discard(grown.path)]
    assert core.feed(Looked(grown.path, grown), 11.9) == []
    assert core.feed(Looked(grown.path, grown), 12.1) == [Pull(grown.path)]


@pytest.mark.parametrize("name", [".pending-9-a.jpg", ".trashed-9-a.jpg", "film.mp4", "a.jpg.tmp", "jpg", ".jpg"])
def test_hidden_unfinished_and_other_names_are_nothing(core: SettleCore, name: str) -> None:
    assert core.feed(Alarm(key(name).path, moved=True), 1.0) == []
    assert core.feed(Listed(FOLDER, (key(name),)), 1.0) == []
    assert core.due() is None


@pytest.mark.parametrize(
    ("name", "kind"), [("A.JPG", "picture"), ("b.Jpeg", "picture"), ("c.PNG", "picture"), ("d.HEIC", "unreadable")]
)
def test_endings_count_in_any_case(name: str, kind: str) -> None:
    assert kind_of(FOLDER + b"/" + name.encode()) == kind


# ------------------------------------------------------------------------------------------------ written
def test_a_file_written_in_place_waits_until_it_is_steady(core: SettleCore) -> None:
    assert core.feed(Alarm(key().path, moved=False), 1.0) == [Look(key().path)]
    assert core.feed(Looked(key().path, key()), 1.0) == []
    assert core.due() == pytest.approx(1.15)
    assert core.feed(Tick(), 1.15) == [Look(key().path)]
    assert core.feed(Looked(key().path, key()), 1.16) == [Pull(key().path)]
    assert core.feed(Pulled(key(), "whole"), 1.2) == [Accept(key(), final_at=1.16)]


def test_a_growing_file_starts_to_wait_anew(core: SettleCore) -> None:
    for step in range(5):
        assert core.feed(Listed(FOLDER, (key(size=100 + step),)), step * 0.1) == []
    assert core.feed(Listed(FOLDER, (key(size=104),)), 0.6) == [Pull(key().path)]


def test_a_file_that_grew_while_it_was_pulled_starts_to_wait_anew(core: SettleCore) -> None:
    assert settled(core, key()) == [Pull(key().path)]
    assert core.feed(Pulled(key(size=200), "whole"), 100.3) == [Discard(key().path)]
    assert core.feed(Looked(key().path, key(size=200)), 100.4) == []
    assert core.feed(Looked(key().path, key(size=200)), 100.5) == [Pull(key().path)]


@pytest.mark.parametrize(("ending", "patience"), [("trailer", 1.0), ("cut", 10.0)])
def test_a_file_that_does_not_end_as_it_should_waits_longer(core: SettleCore, ending: Ending, patience: float) -> None:
    assert settled(core, key(), 100.0) == [Pull(key().path)]
    *told, discard = core.feed(Pulled(key(), ending), 100.2)
    assert (told, discard) == ([StillWriting(key(), patience)] if ending == "cut" else [], Discard(key().path))
    assert core.due() == pytest.approx(100.0 + patience)
    assert core.feed(Looked(key().path, key()), 99.9 + patience) == []
    assert core.feed(Looked(key().path, key()), 100.1 + patience) == [Pull(key().path)]
    assert core.feed(Pulled(key(), ending), 100.2 + patience) == [Accept(key(), final_at=100.1 + patience)]


def test_what_is_no_picture_inside_is_refused_once_when_it_is_steady(core: SettleCore) -> None:
    settled(core, key(), 100.0)
    assert core.feed(Pulled(key(), "alien"), 100.2) == [Discard(key().path)]
    core.feed(Looked(key().path, key()), 101.1)
    assert core.feed(Pulled(key(), "alien"), 101.2) == [Refuse(key(), "no_picture")]
    assert settled(core, key(), 200.0) == []


def test_a_picture_the_host_cannot_read_is_refused_once_and_never_pulled(core: SettleCore) -> None:
    heic = key("a.heic")
    assert core.feed(Alarm(heic.path, moved=True), 1.0) == [Look(heic.path)]
    assert core.feed(Looked(heic.path, heic), 1.0) == []
    assert core.feed(Looked(heic.path, heic), 1.2) == [Refuse(heic, "format")]
    assert settled(core, heic) == []


def test_a_picture_too_large_is_refused_once_and_never_pulled(core: SettleCore) -> None:
    assert settled(core, key(size=MAX_PICTURE_BYTES)) == [Pull(key().path)]
    large = key("b.jpg", size=MAX_PICTURE_BYTES + 1)
    assert settled(core, large) == [Refuse(large, "too_large")]
    assert settled(core, large, 200.0) == []


def test_an_empty_file_waits_without_being_looked_at_again_and_again(core: SettleCore) -> None:
    assert settled(core, key(size=0)) == []
    assert core.feed(Tick(), 1000.0) == []
    assert settled(core, key(), 2000.0) == [Pull(key().path)]


@pytest.mark.parametrize("impossible", [key(size=1 << 63), key(size=-1), key(mtime=1 << 63), key(mtime=-(1 << 63))])
def test_numbers_that_only_a_hostile_phone_sends_are_ignored(core: SettleCore, impossible: FileKey) -> None:
    assert settled(core, impossible) == []
    assert core.feed(Looked(impossible.path, impossible), 300.0) == []
    assert core.due() is None


# ------------------------------------------------------------------------------------------------ once
def test_a_file_rewritten_after_it_was_accepted_is_another_capture(core: SettleCore) -> None:
    core.feed(Committed(key()), 1.0)
    assert settled(core, key()) == []
    assert settled(core, key(size=101)) == [Pull(key().path)]
    assert settled(core, key(mtime=6), 200.0) == [Pull(key().path)]


def test_an_alarm_for_a_file_that_is_done_with_changes_nothing(core: SettleCore) -> None:
    core.feed(Committed(key()), 1.0)
    core.feed(Alarm(key().path, moved=True), 2.0)
    assert core.feed(Pulled(key(), "whole"), 2.1) == [Discard(key().path)]
    core.feed(Alarm(key().path, moved=False), 3.0)
    assert core.feed(Looked(key().path, key()), 3.1) == []
    assert core.due() is None


def test_a_file_gone_before_it_was_pulled_is_forgotten(core: SettleCore) -> None:
    core.feed(Alarm(key().path, moved=False), 1.0)
    core.feed(Looked(key().path, None), 1.0)
    assert core.due() is None
    core.feed(Listed(FOLDER, (key(),)), 2.0)
    core.feed(Listed(FOLDER, ()), 2.1)
    assert core.due() is None
    assert core.feed(Pulled(key(), "whole"), 2.2) == [Discard(key().path)]


def test_a_listing_of_one_folder_says_nothing_about_another(core: SettleCore) -> None:
    core.feed(Listed(FOLDER, (key(),)), 2.0)
    core.feed(Listed(b"/sdcard/Pictures", ()), 2.1)
    assert core.due() is not None


# ------------------------------------------------------------------------------------------------ failing
def test_a_pull_that_fails_is_tried_again_later_and_later(core: SettleCore) -> None:
    now, waits = 100.0, []
    core.feed(Listed(FOLDER, (key(),)), now)
    for _ in range(12):
        now = core.due() or 0.0
        assert core.feed(Tick(), now) == [Look(key().path)]
        assert core.feed(Looked(key().path, key()), now) == [Pull(key().path)]
        assert core.feed(PullFailed(key().path), now) == []
        waits.append((core.due() or 0.0) - now)
    assert waits[:3] == pytest.approx([0.5, 1.0, 2.0])
    assert waits[-1] == pytest.approx(60.0)


def test_while_a_pull_has_to_wait_neither_listing_nor_alarm_brings_it_forward(core: SettleCore) -> None:
    settled(core, key(), 100.0)
    core.feed(PullFailed(key().path), 100.2)
    assert core.feed(Listed(FOLDER, (key(),)), 100.4) == []
    assert core.feed(Alarm(key().path, moved=True), 100.5) == [Look(key().path)]
    assert core.feed(Looked(key().path, key()), 100.5) == []
    assert core.feed(Looked(key().path, key()), 100.8) == [Pull(key().path)]


def test_a_failed_pull_of_a_file_that_nobody_waits_for_is_nothing(core: SettleCore) -> None:
    assert core.feed(PullFailed(key().path), 1.0) == []
    assert core.due() is None


def test_a_commit_that_fails_keeps_the_file_waiting(core: SettleCore) -> None:
    core.feed(Alarm(key().path, moved=True), 1.0)
    core.feed(Pulled(key(), "whole"), 1.1)
    core.feed(PullFailed(key().path), 1.2)
    core.feed(Looked(key().path, key()), 2.0)
    assert core.feed(Looked(key().path, key()), 2.2) == [Pull(key().path)]


# ------------------------------------------------------------------------------------------------ the start
def test_what_is_there_at_the_first_start_ever_is_never_sent() -> None:
    core = SettleCore()
    files = (key("a.jpg"), key("b.heic"))
    (command,) = core.feed(opened(*files, key("c.txt"), away=None), 0.0)
    assert isinstance(command, Remember)
    assert set(command.done) == set(command.there) == set(files)
    assert (command.held, core.held) == ((), 0)
    assert core.feed(Listed(FOLDER, files), 1.0) == []


def test_after_a_short_absence_what_is_new_is_sent_and_what_is_known_is_not() -> None:
    core = SettleCore()
    commands = core.feed(opened(key("old.jpg"), key("new.jpg"), done=frozenset({key("old.jpg")}), away=GRACE_S), 0.0)
    assert [type(command) for command in commands] == [Remember]
    assert core.feed(Listed(FOLDER, (key("old.jpg"), key("new.jpg"))), 1.0) == [Pull(key("new.jpg").path)]


def test_after_a_long_absence_what_is_new_is_held_and_told_until_the_user_says_so() -> None:
    core = SettleCore()
    files = (key("old.jpg"), key("new.jpg"), key("held before.jpg"))
    known = {"done": frozenset({key("old.jpg")}), "held": frozenset({key("held before.jpg"), key("held and gone.jpg")})}
    (command,) = core.feed(opened(*files, **known, away=GRACE_S + 1), 0.0)
    assert isinstance(command, Remember)
    assert command.held == (key("new.jpg"),)
    assert core.held == 2
    assert core.feed(Listed(FOLDER, files), 1.0) == []
    assert core.feed(Alarm(key("new.jpg").path, moved=True), 1.0) == [Look(key("new.jpg").path)]
    assert core.feed(Looked(key("new.jpg").path, key("new.jpg")), 1.0) == []
    assert core.feed(CatchUp(), 2.0) == [List(FOLDER)]
    core.feed(Listed(FOLDER, files), 3.0)
    pulls = core.feed(Listed(FOLDER, files), 4.0)
    assert pulls == [Pull(key("held before.jpg").path), Pull(key("new.jpg").path)]
    assert core.feed(CatchUp(), 5.0) == []


def test_what_was_held_before_a_short_absence_stays_held() -> None:
    core = SettleCore()
    (command,) = core.feed(opened(key(), held=frozenset({key()}), away=1.0), 0.0)
    assert isinstance(command, Remember)
    assert core.held == 1
    assert core.feed(Listed(FOLDER, (key(),)), 1.0) == []


def test_a_file_that_waits_when_the_laptop_falls_asleep_is_held_with_the_others(core: SettleCore) -> None:
    core.feed(Listed(FOLDER, (key(),)), 1.0)
    core.feed(opened(key(), away=GRACE_S + 1), 1.1)
    core.feed(Tick(), 2.0)
    assert core.feed(Looked(key().path, key()), 2.0) == []
    assert core.due() is None


def test_a_held_picture_that_is_changed_stays_held(core: SettleCore) -> None:
    core.feed(opened(key(), away=GRACE_S + 1), 0.0)
    edited = key(mtime=6, size=90)
    assert core.feed(Alarm(key().path, moved=True), 1.0) == [Look(key().path)]
    assert core.feed(Looked(key().path, edited), 1.0) == [Hold((edited,))]
    assert core.feed(Listed(FOLDER, (edited,)), 2.0) == []
    assert core.held == 1


def test_a_held_picture_that_was_changed_while_nobody_looked_stays_held() -> None:
    core = SettleCore()
    edited = key(mtime=6)
    (command,) = core.feed(opened(edited, held=frozenset({key()}), away=1.0), 0.0)
    assert isinstance(command, Remember)
    assert (command.held, core.held) == ((edited,), 1)


def test_a_held_picture_that_its_owner_deletes_is_counted_no_more(core: SettleCore) -> None:
    core.feed(opened(key("a.jpg"), key("b.jpg"), away=GRACE_S + 1), 0.0)
    core.feed(Listed(FOLDER, (key("b.jpg"),)), 1.0)
    assert core.held == 1
    core.feed(Listed(b"/sdcard/Pictures", ()), 2.0)
    assert core.held == 1


# ------------------------------------------------------------------------------------------------ the pause
def test_what_comes_during_a_pause_is_held_and_never_pulled(core: SettleCore) -> None:
    core.feed(Paused(paused=True), 0.0)
    assert core.feed(Alarm(key().path, moved=True), 1.0) == [Look(key().path)]
    assert core.feed(Looked(key().path, key()), 1.0) == [Hold((key(),))]
    other = key("b.jpg")
    assert core.feed(Listed(FOLDER, (key(), other)), 2.0) == [Hold((other,))]
    assert (core.held, core.due()) == (2, None)


def test_a_picture_about_to_be_sent_is_held_by_the_pause_that_begins(core: SettleCore) -> None:
    core.feed(Alarm(key().path, moved=True), 1.0)
    core.feed(Listed(FOLDER, (key("b.jpg"),)), 1.0)
    core.feed(Alarm(key("c.jpg").path, moved=True), 1.0)
    assert core.feed(Paused(paused=True), 1.1) == [Hold((key("b.jpg"),))]
    assert core.feed(Pulled(key("c.jpg"), "whole"), 1.2) == [Discard(key("c.jpg").path)]
    assert core.feed(Listed(FOLDER, (key("b.jpg"), key("c.jpg"))), 2.0) == [Hold((key("c.jpg"),))]


def test_after_a_pause_what_is_new_is_sent_and_what_is_held_waits_for_the_users_word(core: SettleCore) -> None:
    core.feed(Paused(paused=True), 0.0)
    core.feed(Listed(FOLDER, (key(),)), 1.0)
    assert core.feed(CatchUp(), 2.0) == []
    assert core.feed(Paused(paused=False), 3.0) == []
    new = key("b.jpg")
    core.feed(Listed(FOLDER, (key(), new)), 4.0)
    assert core.feed(Listed(FOLDER, (key(), new)), 5.0) == [Pull(new.path)]
    assert core.feed(CatchUp(), 6.0) == [List(FOLDER)]
    core.feed(Listed(FOLDER, (key(), new)), 7.0)
    assert Pull(key().path) in core.feed(Listed(FOLDER, (key(), new)), 8.0)


def test_a_phone_that_comes_back_during_a_pause_shows_only_held_pictures() -> None:
    core = SettleCore(paused=True)
    (command,) = core.feed(opened(key(), away=1.0), 0.0)
    assert isinstance(command, Remember)
    assert (command.held, core.held) == ((key(),), 1)


# ------------------------------------------------------------------------------------------------ many
def test_older_pictures_come_first(core: SettleCore) -> None:
    files = (key("a.jpg", mtime=9), key("b.jpg", mtime=8), key("c.jpg", mtime=8))
    core.feed(Listed(FOLDER, files), 1.0)
    assert core.feed(Listed(FOLDER, files), 2.0) == [Pull(key(name).path) for name in ("b.jpg", "c.jpg", "a.jpg")]


def test_few_files_are_looked_at_and_many_are_listed(core: SettleCore) -> None:
    few = tuple(key(f"{number}.jpg") for number in range(8))
    core.feed(Listed(FOLDER, few), 1.0)
    assert core.feed(Tick(), 1.1) == []
    assert core.feed(Tick(), 1.2) == [Look(file.path) for file in few]
    core.feed(Listed(FOLDER, (*few, key("one more.jpg"))), 1.25)
    core.feed(Looked(key("one more.jpg").path, key("one more.jpg")), 1.25)
    assert core.feed(Tick(), 3.0) == [List(FOLDER)]
    assert core.feed(Tick(), 3.1) == []


def test_a_file_that_no_alarm_announced_is_a_surprise_once(core: SettleCore) -> None:
    core.feed(Alarm(key("a.jpg").path, moved=False), 1.0)
    core.feed(Listed(FOLDER, (key("a.jpg"),)), 1.1)
    assert core.surprises == 0
    for _ in range(3):
        core.feed(Listed(FOLDER, (key("a.jpg"), key("b.jpg"))), 1.2)
    assert core.surprises == 1


# ------------------------------------------------------------------------------------------------ all together
NAMES = [FOLDER + b"/%d.jpg" % number for number in range(3)]


class Phone(RuleBasedStateMachine):
    """A phone that writes, moves, rewrites and deletes; alarms that come, are lost or lie; pulls that fail.

    Whatever happens: no version of a file is accepted twice, none that was there before is, and in the end every
    version that is still there has been.
    """

    @initialize(before=st.sets(st.sampled_from(NAMES)))
    def start(self, before: set[bytes]) -> None:
        self.now, self.clock = 0.0, 1
        self.files = {path: FileKey(path, 1, 10) for path in before}
        self.whole = dict.fromkeys(before, True)
        self.before = set(self.files.values())
        self.accepted: list[FileKey] = []
        self.core = SettleCore()
        self.fails = False
        self.obey(self.core.feed(Opened(FOLDER, tuple(self.files.values()), NONE, NONE, None), self.now))

    @rule(path=st.sampled_from(NAMES), size=st.integers(0, 3), moved=st.booleans(), rings=st.booleans())
    def write(self, path: bytes, size: int, moved: bool, rings: bool) -> None:
        self.clock += 1
        self.files[path] = FileKey(path, self.clock, 20 + size)
        self.whole[path] = moved
        if rings:
            self.obey(self.core.feed(Alarm(path, moved), self.now))

    @rule(path=st.sampled_from(NAMES))
    def finish_writing(self, path: bytes) -> None:
        self.whole[path] = True

    @rule(path=st.sampled_from(NAMES), moved=st.booleans())
    def lie(self, path: bytes, moved: bool) -> None:
        if path in self.files and self.whole[path]:
            self.obey(self.core.feed(Alarm(path, moved), self.now))

    @rule(path=st.sampled_from(NAMES))
    def delete(self, path: bytes) -> None:
        self.files.pop(path, None)

    @rule(fails=st.booleans())
    def fail(self, fails: bool) -> None:
        self.fails = fails

    @rule(seconds=st.sampled_from([0.01, 0.16, 1.1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = self.core.due()
        if due is not None and due <= self.now:
            self.obey(self.core.feed(Tick(), self.now))

    @rule()
    def look(self) -> None:
        self.obey(self.core.feed(Listed(FOLDER, tuple(self.files.values())), self.now))

    def obey(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Look(path):
                    self.obey(self.core.feed(Looked(path, self.files.get(path)), self.now))
                case List():
                    self.look()
                case Pull(path) if path in self.files and not self.fails:
                    ending: Ending = "whole" if self.whole[path] else "cut"
                    self.obey(self.core.feed(Pulled(self.files[path], ending), self.now))
                case Pull(path):
                    self.obey(self.core.feed(PullFailed(path), self.now))
                case Accept(file):
                    assert self.whole[file.path] or self.now > 10
                    self.accepted.append(file)
                    self.obey(self.core.feed(Committed(file), self.now))

    @invariant()
    @precondition(lambda self: hasattr(self, "core"))
    def once_and_nothing_from_before(self) -> None:
        assert len(set(self.accepted)) == len(self.accepted)
        assert not self.before & set(self.accepted)

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        self.fails = False
        self.whole = dict.fromkeys(self.files, True)
        for _ in range(4):
            self.now += 61
            self.obey(self.core.feed(Tick(), self.now))
            self.look()
        assert set(self.files.values()) - self.before <= set(self.accepted)
        assert self.core.due() is None


TestPhone = Phone.TestCase
TestPhone.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
