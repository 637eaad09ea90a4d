"""What keeps a phone connected, told as transcripts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.devices import DeviceLine
from bridge.supervise.commands import (
    CheckTunnel,
    CloseTransport,
    MakeTunnel,
    OpenPage,
    OpenTransport,
    Redial,
    StartWatching,
    State,
    Tell,
)
from bridge.supervise.core import (
    HELLO_S,
    PAGE_GRACE_S,
    REDIAL_FIRST_S,
    REDIAL_S,
    RETRY_FIRST_S,
    RETRY_LONGEST_S,
    SILENT,
    SILENT_AT_LAST,
    TUNNEL_CHECK_S,
    Supervisor,
)
from bridge.supervise.events import (
    AdbGone,
    Devices,
    Event,
    Failed,
    NoTunnel,
    PageLinked,
    PageWanted,
    TransportOpen,
    TunnelGone,
    TunnelMade,
    Wake,
    WatchEnded,
)
from tests.support.playbook import Playbook

LINE = DeviceLine("R58M", "device", 7, usb="1-2")
AGAIN = replace(LINE, transport_id=8)
TCP = DeviceLine("10.0.0.2:5555", "device", 3)
OTHER = DeviceLine("other", "device", 1)
ABSENT = Tell(State.ABSENT, "not connected", "plug the phone in; work goes on by itself")
OPENING = Tell(State.OPENING, "opening")
TUNNELLING = Tell(State.TUNNELLING, "making the tunnel")
UP = Tell(State.UP, "ready")


def connected() -> Playbook:
    """A phone that is up with its page linked."""
    return (
        Playbook(Supervisor("R58M"))
        >> Devices((OTHER, LINE))
        << OPENING
        << OpenTransport(LINE)
        >> TransportOpen(7)
        << TUNNELLING
        << MakeTunnel(7)
        >> TunnelMade(7)
        << StartWatching(7)
        << UP
        << OpenPage(7)
        >> PageLinked()
    )


def test_the_same_list_again_changes_nothing() -> None:
    assert connected() >> Devices((OTHER, LINE))


def test_a_phone_comes_up_in_order_and_its_page_is_opened_once() -> None:
    play = connected()

    assert play.at(TUNNEL_CHECK_S) >> Wake() << CheckTunnel(7)
    assert play.at(100) >> Wake() << CheckTunnel(7)


def test_a_replug_is_seen_by_its_new_transport_even_if_the_serial_never_left() -> None:
    play = connected().at(10)

    play >> Devices((AGAIN,)) << CloseTransport() << OPENING << OpenTransport(AGAIN)
    play >> TransportOpen(8) << TUNNELLING << MakeTunnel(8) >> TunnelMade(8) << StartWatching(8) << UP

    assert play.at(10 + PAGE_GRACE_S) >> PageLinked()


def test_a_page_that_does_not_come_back_is_opened_again_after_its_grace() -> None:
    play = connected().at(10)
    play >> Devices(()) << CloseTransport() << ABSENT
    play >> Devices((AGAIN,)) << OPENING << OpenTransport(AGAIN)
    play >> TransportOpen(8) << TUNNELLING << MakeTunnel(8) >> TunnelMade(8) << StartWatching(8) << UP

    assert play.at(10 + TUNNEL_CHECK_S) >> Wake() << CheckTunnel(8)
    assert play.at(10 + PAGE_GRACE_S) >> Wake() << OpenPage(8) << CheckTunnel(8)


def test_a_page_that_never_links_is_opened_at_most_three_times() -> None:
    core = Supervisor("R58M", watch=False)
    opened = 0
    now = 0.0
    events: list[Event] = [Devices((LINE,)), TransportOpen(7), TunnelMade(7), *[Wake()] * 200]
    for event in events:
        opened += sum(isinstance(command, OpenPage) for command in core.handle(event, now))
        now = max(now, core.wake_at or now)

    assert opened == 3


class TestNoHello:
    AGAIN = Tell(State.UP, "no word from the page on the phone; opening it again (2 of 3)", SILENT)
    ONCE_MORE = Tell(State.UP, "no word from the page on the phone; opening it again (3 of 3)", SILENT)
    AT_LAST = Tell(State.UP, "no word from the page on the phone; waiting for you", SILENT_AT_LAST)
    LINKED = Tell(State.UP, "the page on the phone is linked")
    WANTED = Tell(State.UP, "opening the page on the phone")

    def opened(self) -> Playbook:
        """A phone that is up, its page opened at 0 s and silent since."""
        play = Playbook(Supervisor("R58M", watch=False)) >> Devices((LINE,)) << OPENING << OpenTransport(LINE)
        play >> TransportOpen(7) << TUNNELLING << MakeTunnel(7) >> TunnelMade(7) << UP << OpenPage(7)
        return play

    def silent(self) -> Playbook:
        """All tries have been in vain."""
        play = self.opened()
        play.at(HELLO_S) >> Wake() << self.AGAIN << OpenPage(7) << CheckTunnel(7)
        play.at(2 * HELLO_S) >> Wake() << self.ONCE_MORE << OpenPage(7) << CheckTunnel(7)
        play.at(3 * HELLO_S) >> Wake() << self.AT_LAST << CheckTunnel(7)
        return play

    def test_each_time_people_hear_what_to_do_and_a_fresh_link_is_opened_until_it_waits_for_them(self) -> None:
        play = self.silent()

        assert play.at(9 * HELLO_S) >> Wake() << CheckTunnel(7)

    def test_a_moment_earlier_nothing_is_said(self) -> None:
        assert self.opened().at(HELLO_S - 0.01) >> Wake() << CheckTunnel(7)

    def test_a_page_that_speaks_in_time_is_not_worth_a_word(self) -> None:
        play = self.opened().at(HELLO_S - 1) >> PageLinked()

        assert play.at(2 * HELLO_S) >> Wake() << CheckTunnel(7)

    def test_one_that_speaks_late_is_told_once(self) -> None:
        play = self.silent().at(100 * HELLO_S) >> PageLinked() << self.LINKED

        assert play >> PageLinked()
        assert play.at(200 * HELLO_S) >> Wake() << CheckTunnel(7)

    def test_the_time_is_the_callers(self) -> None:
        core = Supervisor("R58M", watch=False, hello_s=1.0)
        play = Playbook(core) >> Devices((LINE,)) << OPENING << OpenTransport(LINE)
        play >> TransportOpen(7) << TUNNELLING << MakeTunnel(7) >> TunnelMade(7) << UP << OpenPage(7)

        assert core.wake_at == pytest.approx(1.0)
        assert play.at(1.0) >> Wake() << self.AGAIN << OpenPage(7) << CheckTunnel(7)

    def test_somebody_who_asks_for_the_page_gets_all_its_tries(self) -> None:
        play = self.silent().at(100) >> PageWanted() << self.WANTED << OpenPage(7)
        play.at(100 + HELLO_S) >> Wake() << self.AGAIN << OpenPage(7) << CheckTunnel(7)

        assert play.at(100 + 2 * HELLO_S) >> PageLinked() << self.LINKED
        assert play >> PageWanted() << self.WANTED << OpenPage(7) >> PageLinked() << self.LINKED

    def test_a_phone_that_is_not_up_cannot_be_asked_for_its_page(self) -> None:
        play = self.silent() >> Devices(()) << CloseTransport() << ABSENT

        assert play >> PageWanted()

    def test_a_replug_begins_anew_and_the_old_page_has_its_grace(self) -> None:
        play = self.opened().at(1) >> Devices((AGAIN,)) << CloseTransport() << OPENING << OpenTransport(AGAIN)
        play >> TransportOpen(8) << TUNNELLING << MakeTunnel(8) >> TunnelMade(8) << UP
        play.at(1 + PAGE_GRACE_S) >> Wake() << OpenPage(8) << CheckTunnel(8)

        assert play.at(1 + PAGE_GRACE_S + HELLO_S) >> Wake() << self.ONCE_MORE << OpenPage(8) << CheckTunnel(8)


@pytest.mark.parametrize("state", ["unauthorized", "offline", "no permissions"])
def test_a_phone_that_cannot_be_used_is_named_with_its_next_step(state: str) -> None:
    line = replace(LINE, state=state)
    (told,) = Supervisor("R58M").handle(Devices((line,)), 0.0)

    assert isinstance(told, Tell)
    assert (told.state, told.detail) == (State.UNUSABLE, state)
    assert told.hint


def test_what_was_said_is_not_said_again() -> None:
    play = Playbook(Supervisor("R58M")) >> Devices(()) << ABSENT

    assert play >> Devices((OTHER,))


def test_a_phone_that_goes_offline_loses_its_transport_and_gets_a_new_one() -> None:
    play = connected()
    offline = replace(LINE, state="offline")

    play >> Devices((offline,)) << CloseTransport() << Tell(State.UNUSABLE, "offline", offline.hint)
    assert play >> Devices((LINE,)) << OPENING << OpenTransport(LINE)


def test_a_killed_adb_server_takes_everything_and_a_phone_on_tcp_is_dialled_again() -> None:
    play = Playbook(Supervisor(TCP.serial, open_page=False, watch=False))
    play >> Devices((TCP,)) << OPENING << OpenTransport(TCP)

    play.at(5) >> AdbGone() << CloseTransport()
    play << Tell(State.ABSENT, "the adb server ended", "it is being started again")
    play.at(5 + REDIAL_FIRST_S) >> Wake() << Redial(TCP.serial)
    play.at(5 + REDIAL_FIRST_S + REDIAL_S) >> Wake() << Redial(TCP.serial)
    assert play >> Devices((TCP,)) << OPENING << OpenTransport(TCP)


@pytest.mark.parametrize("lines", [(), (replace(TCP, state="offline"),)])
def test_a_phone_on_tcp_that_is_gone_needs_no_cable(lines: tuple[DeviceLine, ...]) -> None:
    (told,) = Supervisor(TCP.serial).handle(Devices(lines), 0.0)

    assert isinstance(told, Tell)
    assert "dialled again by itself" in told.hint


def test_a_phone_on_the_cable_is_never_dialled() -> None:
    play = Playbook(Supervisor("R58M")) >> Devices(()) << ABSENT

    assert play.core.wake_at is None  # type: ignore[attr-defined]


def test_a_failed_tunnel_is_made_again_after_a_growing_pause() -> None:
    play = Playbook(Supervisor("R58M", open_page=False, watch=False))
    play >> Devices((LINE,)) << OPENING << OpenTransport(LINE) >> TransportOpen(7) << TUNNELLING << MakeTunnel(7)

    play >> Failed(7, "closed", "use the cable") << Tell(State.TUNNELLING, "closed", "use the cable")
    play.at(RETRY_FIRST_S / 2) >> Wake()
    play.at(RETRY_FIRST_S) >> Wake() << MakeTunnel(7)
    play >> Failed(7, "closed", "use the cable")
    play.at(RETRY_FIRST_S * 2) >> Wake()
    assert play.at(RETRY_FIRST_S * 3) >> Wake() << MakeTunnel(7)


def test_the_pause_between_tries_never_grows_beyond_its_longest() -> None:
    core = Supervisor("R58M")
    core.handle(Devices((LINE,)), 0.0)
    for _ in range(20):
        core.handle(Failed(7, "no answer"), 0.0)

    assert core.wake_at == RETRY_LONGEST_S


def test_a_transport_that_does_not_open_is_opened_again() -> None:
    play = Playbook(Supervisor("R58M")) >> Devices((LINE,)) << OPENING << OpenTransport(LINE)
    play >> Failed(7, "closed") << Tell(State.OPENING, "closed")

    assert play.at(RETRY_FIRST_S) >> Wake() << OPENING << OpenTransport(LINE)


def test_a_tunnel_removed_behind_our_back_is_made_again_but_page_and_watcher_stay() -> None:
    play = connected()
    play.at(2) >> TunnelGone(7) << Tell(State.TUNNELLING, "the tunnel was removed, making it again") << MakeTunnel(7)

    assert play >> TunnelMade(7) << UP


def test_a_phone_without_reverse_is_watched_all_the_same_and_no_tunnel_is_looked_for() -> None:
    play = Playbook(Supervisor("R58M")) >> Devices((LINE,)) << OPENING << OpenTransport(LINE)
    play >> TransportOpen(7) << TUNNELLING << MakeTunnel(7)
    play >> NoTunnel(7, "no reverse here", "use the cable") << StartWatching(7)
    play << Tell(State.UP, "ready, without the page: no reverse here", "use the cable")

    play.at(TUNNEL_CHECK_S) >> Wake()
    play >> WatchEnded(7, "gone") << Tell(State.UP, "gone")
    play.at(TUNNEL_CHECK_S + RETRY_FIRST_S) >> Wake() << StartWatching(7)
    play >> Devices((AGAIN,)) << CloseTransport() << OPENING << OpenTransport(AGAIN)
    assert (
        play
        >> TransportOpen(8)
        << TUNNELLING
        << MakeTunnel(8)
        >> TunnelMade(8)
        << StartWatching(8)
        << UP
        << OpenPage(8)
    )


def test_a_tunnel_that_cannot_be_made_again_opens_no_page() -> None:
    play = connected()
    play.core.page_gone()  # type: ignore[attr-defined]
    play >> TunnelGone(7) << Tell(State.TUNNELLING, "the tunnel was removed, making it again") << MakeTunnel(7)
    play >> NoTunnel(7, "x") << Tell(State.UP, "ready, without the page: x")

    assert play.at(PAGE_GRACE_S * 2) >> Wake()


def test_a_watcher_that_ended_is_started_again() -> None:
    play = connected()
    play >> WatchEnded(7, "closed") << Tell(State.UP, "closed")

    assert play.at(RETRY_FIRST_S) >> Wake() << StartWatching(7) << CheckTunnel(7)


def test_late_words_of_an_older_transport_change_nothing() -> None:
    play = connected() >> Devices((AGAIN,)) << CloseTransport() << OPENING << OpenTransport(AGAIN)

    assert play >> TransportOpen(7) >> TunnelMade(7) >> TunnelGone(7) >> Failed(7, "x") >> WatchEnded(7, "x")


def test_after_the_page_closed_a_reconnect_opens_it_again() -> None:
    play = connected()
    play.core.page_gone()  # type: ignore[attr-defined]
    play.at(1) >> TunnelGone(7) << Tell(State.TUNNELLING, "the tunnel was removed, making it again") << MakeTunnel(7)
    play >> TunnelMade(7) << UP

    assert play.at(1 + PAGE_GRACE_S) >> Wake() << OpenPage(7) << CheckTunnel(7)


LINES = st.lists(st.sampled_from([LINE, AGAIN, OTHER, replace(LINE, state="offline")]), max_size=2).map(tuple)
NUMBERS = st.sampled_from([7, 8])
EVENTS = st.one_of(
    st.builds(Devices, LINES),
    st.just(AdbGone()),
    st.builds(TransportOpen, NUMBERS),
    st.builds(TunnelMade, NUMBERS),
    st.builds(TunnelGone, NUMBERS),
    st.builds(NoTunnel, NUMBERS, st.just("x")),
    st.builds(Failed, NUMBERS, st.just("x")),
    st.builds(WatchEnded, NUMBERS, st.just("x")),
    st.just(PageLinked()),
    st.just(Wake()),
)


@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_work_is_only_given_to_the_open_transport(events: list[Event]) -> None:
    core, now = Supervisor("R58M"), 0.0
    for event in events:
        held = core.transport_id
        for command in core.handle(event, now):
            if isinstance(command, CloseTransport):
                assert held is not None
                held = None
            elif isinstance(command, OpenTransport):
                held = command.line.transport_id
            elif isinstance(command, MakeTunnel | CheckTunnel | StartWatching | OpenPage):
                assert command.transport_id == held
        now = max(now + 0.1, core.wake_at or 0.0)
        assert core.state in {State.ABSENT, State.UNUSABLE} or core.transport_id is not None


@given(st.lists(EVENTS, max_size=40))
def test_from_any_state_the_phone_comes_up_again(events: list[Event]) -> None:
    core = Supervisor("R58M")
    for event in events:
        core.handle(event, 0.0)
    fresh = replace(LINE, transport_id=9)

    for event in (Devices((fresh,)), TransportOpen(9), TunnelMade(9)):
        core.handle(event, 1.0)

    assert core.state is State.UP


def opened_pages(core: Supervisor, events: list[Event], now: float) -> tuple[int, float]:
    """How many pages are opened while these events come, and the time afterwards."""
    opened = 0
    for event in events:
        opened += sum(isinstance(command, OpenPage) for command in core.handle(event, now))
        now = max(now, core.wake_at or now)
    return opened, now


def test_a_linked_page_is_left_alone_when_the_tunnel_is_made_again() -> None:
    core = connected().core
    assert isinstance(core, Supervisor)
    opened, _ = opened_pages(core, [TunnelGone(7), TunnelMade(7), *[Wake()] * 20], 2.0)

    assert opened == 0


def test_a_page_that_never_linked_gets_no_more_tries_from_a_new_tunnel_but_does_from_a_replug() -> None:
    core = Supervisor("R58M", watch=False)
    first, now = opened_pages(core, [Devices((LINE,)), TransportOpen(7), TunnelMade(7), *[Wake()] * 100], 0.0)
    second, now = opened_pages(core, [TunnelGone(7), TunnelMade(7), *[Wake()] * 100], now)
    third, _ = opened_pages(core, [Devices((AGAIN,)), TransportOpen(8), TunnelMade(8), *[Wake()] * 100], now)

    assert (first, second) == (3, 0)
    assert third > 0


def test_what_was_not_asked_for_is_neither_watched_nor_opened() -> None:
    play = Playbook(Supervisor("R58M", watch=False, open_page=False))
    play >> Devices((LINE,)) << OPENING << OpenTransport(LINE) >> TransportOpen(7) << TUNNELLING << MakeTunnel(7)
    play >> TunnelMade(7) << UP

    assert play.at(TUNNEL_CHECK_S) >> Wake() << CheckTunnel(7)


def test_after_a_success_the_next_failure_is_tried_again_quickly() -> None:
    core = Supervisor("R58M", watch=False, open_page=False)
    failures: list[Event] = [Failed(7, "closed")] * 5
    events: list[Event] = [Devices((LINE,)), TransportOpen(7), *failures, TunnelMade(7), TunnelGone(7), *failures[:1]]
    for event in events:
        core.handle(event, 0.0)

    assert core.wake_at == RETRY_FIRST_S


def test_an_unauthorized_phone_on_tcp_still_says_what_to_tap() -> None:
    (told,) = Supervisor(TCP.serial).handle(Devices((replace(TCP, state="unauthorized"),)), 0.0)

    assert isinstance(told, Tell)
    assert "Allow" in told.hint
