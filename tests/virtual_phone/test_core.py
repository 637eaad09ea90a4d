"""The core, one conversation a test: what the host sends, what the phone does."""

import struct

import pytest

from tests.support.rsa_key import public_key, sign
from virtual_phone.auth import key_of
from virtual_phone.core import MAX_STREAMS, Core
from virtual_phone.events import (
    Closed,
    Command,
    Credit,
    Data,
    HangUp,
    KeyOffered,
    NotAllowedError,
    Offline,
    Online,
    OpenAsked,
    Opened,
    Send,
    StreamClosedError,
)
from virtual_phone.packets import MAX_PAYLOAD, Packet, Verb
from virtual_phone.streams import WINDOW

BANNER = "device::ro.product.model=Virtual;features=shell_v2,delayed_ack"
VERSION = 0x01000001
TOKEN = bytes(20)
REVERSE = Packet(Verb.OPEN, 90, 0, b"reverse:forward:tcp:8017;tcp:5000\0")


def _core(*, trusted: set[bytes] | None = None) -> Core:
    return Core(BANNER, trusted=trusted, new_token=lambda: TOKEN)


def _hello(features: str = "shell_v2", version: int = VERSION, size: int = MAX_PAYLOAD) -> Packet:
    return Packet(Verb.CNXN, version, size, f"host::features={features}".encode())


def _online(features: str = "shell_v2") -> Core:
    core = _core()
    core.received(_hello(features))
    return core


def _open(core: Core, remote: int = 7, service: bytes = b"shell:ls\0", window: int = 0) -> int:
    """The host opens a stream and the service accepts; our id of it."""
    asked = core.received(Packet(Verb.OPEN, remote, window, service))
    assert isinstance(asked[0], OpenAsked)
    core.accept(asked[0].stream)
    return asked[0].stream


def _sent(commands: list[Command]) -> list[Packet]:
    return [command.packet for command in commands if isinstance(command, Send)]


class TestConnecting:
    def test_a_host_is_welcomed_with_the_banner(self) -> None:
        core = _core()
        assert core.received(_hello()) == [Send(Packet(Verb.CNXN, VERSION, MAX_PAYLOAD, BANNER.encode())), Online()]
        assert core.online

    def test_nothing_but_connecting_is_heard_before(self) -> None:
        core = _core()
        for verb in (Verb.OPEN, Verb.OKAY, Verb.WRTE, Verb.CLSE, Verb.AUTH):
            assert core.received(Packet(verb, 1, 0, b"shell:\0")) == []

    def test_a_command_nobody_knows_is_ignored(self) -> None:
        assert _online().received(Packet(0x534C5453, 1, 0)) == []

    @pytest.mark.parametrize(("offered", "used"), [(256 << 10, 256 << 10), (1 << 30, MAX_PAYLOAD), (0, 4096)])
    def test_the_smaller_payload_limit_holds(self, offered: int, used: int) -> None:
        core = _core()
        core.received(_hello(size=offered))
        assert core.max_payload == used

    @pytest.mark.parametrize(("version", "checksum"), [(VERSION, False), (0x01000000, True)])
    def test_only_old_hosts_get_checksums(self, version: int, checksum: bool) -> None:
        core = _core()
        assert core.checksum
        core.received(_hello(version=version))
        assert core.checksum is checksum

    def test_a_host_that_starts_over_voids_everything(self) -> None:
        core = _online()
        stream = _open(core)
        core.received(REVERSE)
        commands = core.received(_hello())
        assert commands[:3] == [Closed(stream), Closed(stream + 1), Offline()]
        assert isinstance(commands[3], Send)
        with pytest.raises(StreamClosedError):
            core.write(stream, b"x")
        with pytest.raises(NotAllowedError):
            core.open("tcp:5000")


class TestAuthorizing:
    def test_a_known_key_is_let_in(self) -> None:
        key = key_of(public_key())
        assert key is not None
        core = _core(trusted={key})
        assert core.received(_hello()) == [Send(Packet(Verb.AUTH, 1, 0, TOKEN))]
        assert core.received(Packet(Verb.AUTH, 2, 0, sign(TOKEN)))[-1] == Online()

    def test_an_unknown_signature_gets_a_new_token(self) -> None:
        core = _core(trusted=set())
        core.received(_hello())
        assert core.received(Packet(Verb.AUTH, 2, 0, sign(TOKEN))) == [Send(Packet(Verb.AUTH, 1, 0, TOKEN))]
        assert not core.online

    def test_a_signature_counts_for_the_last_token_only(self) -> None:
        key = key_of(public_key())
        assert key is not None
        tokens = iter([b"1" * 20, b"2" * 20])
        core = Core(BANNER, trusted={key}, new_token=lambda: next(tokens))
        core.received(_hello())
        core.received(Packet(Verb.AUTH, 2, 0, bytes(256)))
        assert core.received(Packet(Verb.AUTH, 2, 0, sign(b"2" * 20)))[-1] == Online()

    def test_an_offered_key_waits_for_a_person(self) -> None:
        core = _core(trusted=set())
        core.received(_hello())
        assert core.allow_offered_key() == []
        (offered,) = core.received(Packet(Verb.AUTH, 3, 0, public_key()))
        assert offered == KeyOffered(public_key().split()[0])
        assert not core.online
        assert core.allow_offered_key()[-1] == Online()
        assert core.allow_offered_key() == []

    @pytest.mark.parametrize("packet", [Packet(Verb.AUTH, 3, 0, b"junk"), Packet(Verb.AUTH, 9, 0, public_key())])
    def test_junk_is_not_offered_to_a_person(self, packet: Packet) -> None:
        core = _core(trusted=set())
        core.received(_hello())
        assert core.received(packet) == []

    def test_an_unauthorized_host_opens_nothing(self) -> None:
        core = _core(trusted=set())
        core.received(_hello())
        assert core.received(Packet(Verb.OPEN, 7, 0, b"shell:\0")) == []

    def test_auth_before_hello_and_after_welcome_is_ignored(self) -> None:
        assert _core(trusted=set()).received(Packet(Verb.AUTH, 3, 0, public_key())) == []
        assert _online().received(Packet(Verb.AUTH, 3, 0, public_key())) == []


class TestOpening:
    def test_a_service_is_asked_for_accepted_and_closed(self) -> None:
        core = _online()
        assert core.received(Packet(Verb.OPEN, 7, 0, b"shell:ls\0")) == [OpenAsked(1, "shell:ls")]
        assert core.accept(1) == [Send(Packet(Verb.OKAY, 1, 7))]
        assert core.write(1, b"out") == [Send(Packet(Verb.WRTE, 1, 7, b"out"))]
        assert core.close(1) == [Send(Packet(Verb.CLSE, 1, 7))]
        assert core.close(1) == []

    def test_a_refused_service_is_closed_without_an_id_of_ours(self) -> None:
        core = _online()
        core.received(Packet(Verb.OPEN, 7, 0, b"nope\0"))
        assert core.refuse(1) == [Send(Packet(Verb.CLSE, 0, 7))]
        with pytest.raises(StreamClosedError):
            core.refuse(1)

    def test_closing_before_accepting_is_a_refusal(self) -> None:
        core = _online()
        core.received(Packet(Verb.OPEN, 7, 0, b"shell:\0"))
        assert core.close(1) == [Send(Packet(Verb.CLSE, 0, 7))]

    def test_an_open_without_an_id_is_ignored(self) -> None:
        assert _online().received(Packet(Verb.OPEN, 0, 0, b"shell:\0")) == []

    @pytest.mark.parametrize(("features", "window"), [("shell_v2", 1), ("delayed_ack", 0)])
    def test_an_open_in_the_other_way_of_flow_control_is_refused(self, features: str, window: int) -> None:
        core = _online(features)
        assert core.received(Packet(Verb.OPEN, 7, window, b"shell:\0")) == [Send(Packet(Verb.CLSE, 0, 7))]

    def test_the_number_of_streams_has_a_limit(self) -> None:
        core = _online()
        core.received(REVERSE)
        for number in range(MAX_STREAMS - 1):
            assert isinstance(core.received(Packet(Verb.OPEN, number + 1, 0, b"shell:\0"))[0], OpenAsked)
        assert core.received(Packet(Verb.OPEN, 5000, 0, b"shell:\0")) == [Send(Packet(Verb.CLSE, 0, 5000))]
        with pytest.raises(NotAllowedError, match="streams are open"):
            core.open("tcp:5000")

    def test_a_host_that_closes_first_is_not_answered(self) -> None:
        core = _online()
        stream = _open(core)
        assert core.received(Packet(Verb.CLSE, 7, stream)) == [Closed(stream)]
        assert core.close(stream) == []
        assert core.consumed(stream, 1) == []

    @pytest.mark.parametrize("verb", [Verb.OKAY, Verb.WRTE, Verb.CLSE])
    def test_packets_for_unknown_streams_are_ignored(self, verb: Verb) -> None:
        core = _online()
        stream = _open(core)
        assert core.received(Packet(verb, 7, 99, b"x")) == []
        assert core.received(Packet(verb, 8, stream, b"x")) == []

    def test_an_okay_from_nobody_is_ignored(self) -> None:
        core = _online()
        assert core.received(Packet(Verb.OKAY, 0, _open(core))) == []


class TestOpeningOnTheHost:
    def test_a_configured_address_is_opened(self) -> None:
        core = _online()
        core.received(REVERSE)
        stream, commands = core.open("tcp:5000")
        assert commands == [Send(Packet(Verb.OPEN, stream, 0, b"tcp:5000\0"))]
        assert core.received(Packet(Verb.OKAY, 70, stream)) == [Opened(stream)]
        assert core.write(stream, b"GET") == [Send(Packet(Verb.WRTE, stream, 70, b"GET"))]

    def test_any_other_address_would_end_the_adb_server_and_is_not(self) -> None:
        core = _online()
        core.received(REVERSE)
        for address in ("tcp:5001", "tcp:8017", "shell:ls", ""):
            with pytest.raises(NotAllowedError):
                core.open(address)

    def test_nothing_is_opened_while_unauthorized(self) -> None:
        core = _core(trusted=set())
        with pytest.raises(NotAllowedError):
            core.open("tcp:5000")

    def test_a_refusal_by_the_host_carries_no_id_of_its_own(self) -> None:
        core = _online()
        core.received(REVERSE)
        stream, _ = core.open("tcp:5000")
        assert core.received(Packet(Verb.CLSE, 0, stream)) == [Closed(stream)]

    def test_a_stream_given_up_before_the_answer_is_closed_after_it(self) -> None:
        core = _online()
        core.received(REVERSE)
        stream, _ = core.open("tcp:5000")
        assert core.close(stream) == []
        assert core.close(stream) == []
        assert core.received(Packet(Verb.OKAY, 70, stream)) == [Send(Packet(Verb.CLSE, stream, 70))]

    def test_a_stream_given_up_and_refused_is_simply_gone(self) -> None:
        core = _online()
        core.received(REVERSE)
        stream, _ = core.open("tcp:5000")
        core.close(stream)
        assert core.received(Packet(Verb.CLSE, 0, stream)) == []
        assert core.received(Packet(Verb.OKAY, 70, stream)) == []


class TestFlowControl:
    def test_one_packet_is_on_its_way_at_a_time(self) -> None:
        core = _online()
        stream = _open(core)
        core.write(stream, b"one")
        assert not core.may_send(stream)
        with pytest.raises(ValueError, match="may not send"):
            core.write(stream, b"two")
        assert core.received(Packet(Verb.OKAY, 7, stream)) == [Credit(stream)]
        assert core.may_send(stream)

    @pytest.mark.parametrize("size", [0, MAX_PAYLOAD + 1])
    def test_a_packet_has_a_size_the_host_can_take(self, size: int) -> None:
        core = _online()
        with pytest.raises(ValueError, match="may not send"):
            core.write(_open(core), bytes(size))

    def test_data_is_acknowledged_when_all_of_it_was_used(self) -> None:
        core = _online()
        stream = _open(core)
        assert core.received(Packet(Verb.WRTE, 7, stream, b"abcd")) == [Data(stream, b"abcd")]
        assert core.consumed(stream, 3) == []
        assert core.consumed(stream, 1) == [Send(Packet(Verb.OKAY, stream, 7))]

    def test_a_host_that_does_not_wait_is_cut_off(self) -> None:
        core = _online()
        stream = _open(core)
        core.received(Packet(Verb.WRTE, 7, stream, b"a"))
        assert isinstance(core.received(Packet(Verb.WRTE, 7, stream, b"b"))[0], HangUp)

    def test_data_before_the_stream_is_accepted_is_cut_off(self) -> None:
        core = _online()
        core.received(Packet(Verb.OPEN, 7, 0, b"shell:\0"))
        assert isinstance(core.received(Packet(Verb.WRTE, 7, 1, b"a"))[0], HangUp)

    def test_empty_data_says_nothing(self) -> None:
        core = _online()
        assert core.received(Packet(Verb.WRTE, 7, _open(core), b"")) == []

    def test_writing_before_the_stream_is_accepted_is_a_mistake(self) -> None:
        core = _online()
        core.received(Packet(Verb.OPEN, 7, 0, b"shell:\0"))
        with pytest.raises(StreamClosedError):
            core.write(1, b"x")
        with pytest.raises(StreamClosedError):
            core.may_send(1)


class TestDelayedAcks:
    def _stream(self, window: int = 100) -> tuple[Core, int]:
        core = _online("shell_v2,delayed_ack")
        return core, _open(core, window=window)

    def test_the_first_okay_tells_our_window(self) -> None:
        core = _online("delayed_ack")
        core.received(Packet(Verb.OPEN, 7, 100, b"shell:\0"))
        assert core.accept(1) == [Send(Packet(Verb.OKAY, 1, 7, struct.pack("<i", WINDOW)))]

    def test_packets_go_out_until_the_credit_is_used(self) -> None:
        core, stream = self._stream(window=100)
        core.write(stream, bytes(60))
        core.write(stream, bytes(60))
        assert not core.may_send(stream)
        core.received(Packet(Verb.OKAY, 7, stream, struct.pack("<i", 20)))
        assert not core.may_send(stream)
        assert core.received(Packet(Verb.OKAY, 7, stream, struct.pack("<i", 1))) == [Credit(stream)]
        assert core.may_send(stream)

    def test_an_okay_without_a_count_gives_nothing(self) -> None:
        core, stream = self._stream(window=1)
        core.write(stream, b"xx")
        assert core.received(Packet(Verb.OKAY, 7, stream)) == []
        assert not core.may_send(stream)

    def test_each_use_is_told_at_once(self) -> None:
        core, stream = self._stream()
        core.received(Packet(Verb.WRTE, 7, stream, b"abc"))
        core.received(Packet(Verb.WRTE, 7, stream, b"de"))
        assert core.consumed(stream, 2) == [Send(Packet(Verb.OKAY, stream, 7, struct.pack("<i", 2)))]

    def test_more_than_the_window_is_cut_off(self) -> None:
        core, stream = self._stream()
        full = Packet(Verb.WRTE, 7, stream, bytes(MAX_PAYLOAD))
        for _ in range(WINDOW // MAX_PAYLOAD):
            assert isinstance(core.received(full)[0], Data)
        assert isinstance(core.received(full)[0], HangUp)

    def test_a_stream_to_the_host_offers_and_gets_a_window(self) -> None:
        core = _online("delayed_ack")
        core.received(Packet(Verb.OPEN, 90, 100, b"reverse:forward:tcp:8017;tcp:5000\0"))
        stream, commands = core.open("tcp:5000")
        assert _sent(commands)[0].arg1 == WINDOW
        core.received(Packet(Verb.OKAY, 70, stream, struct.pack("<i", 5)))
        core.write(stream, b"abcdefg")
        assert not core.may_send(stream)

    def test_a_stream_to_the_host_without_a_window_cannot_send(self) -> None:
        core = _online("delayed_ack")
        core.received(Packet(Verb.OPEN, 90, 100, b"reverse:forward:tcp:8017;tcp:5000\0"))
        stream, _ = core.open("tcp:5000")
        core.received(Packet(Verb.OKAY, 70, stream))
        assert not core.may_send(stream)

    def test_both_sides_must_want_it(self) -> None:
        core = Core("device::features=shell_v2", trusted=None, new_token=lambda: TOKEN)
        core.received(_hello("delayed_ack"))
        assert isinstance(core.received(Packet(Verb.OPEN, 7, 0, b"shell:\0"))[0], OpenAsked)

    def test_a_host_without_features_has_none(self) -> None:
        core = _core()
        core.received(Packet(Verb.CNXN, VERSION, MAX_PAYLOAD, b"host::\0"))
        assert isinstance(core.received(Packet(Verb.OPEN, 7, 0, b"shell:\0"))[0], OpenAsked)
