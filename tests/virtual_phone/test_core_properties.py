"""Whatever a host sends and whatever services do, the core keeps its promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from virtual_phone.core import MAX_STREAMS, Core
from virtual_phone.events import Closed, Command, Data, HangUp, NotAllowedError, OpenAsked, Opened, Send
from virtual_phone.packets import MAX_PAYLOAD, Packet, Verb
from virtual_phone.streams import WINDOW

_ids = st.integers(0, 6)
_DESTINATIONS = ("tcp:5000", "tcp:5001", "tcp:6000")


class AnyHost(RuleBasedStateMachine):
    """A host that sends anything in any order, and services that behave."""

    def __init__(self) -> None:
        super().__init__()
        self.core = Core("device::features=delayed_ack", trusted=None, new_token=lambda: bytes(20))
        self.asked: set[int] = set()
        self.live: set[int] = set()
        self.unread: dict[int, int] = {}
        self.delayed = False
        self.hung_up = False

    @initialize(delayed=st.booleans())
    def connect(self, delayed: bool) -> None:
        self.delayed = delayed
        features = b"delayed_ack" if delayed else b"cmd"
        self.note(self.core.received(Packet(Verb.CNXN, 0x01000001, MAX_PAYLOAD, b"host::features=" + features)))

    @rule(
        verb=st.sampled_from([Verb.OKAY, Verb.WRTE, Verb.CLSE, Verb.AUTH]), a=_ids, b=_ids, data=st.binary(max_size=8)
    )
    def host_sends_something(self, verb: Verb, a: int, b: int, data: bytes) -> None:
        if not self.hung_up:
            self.note(self.core.received(Packet(verb, a, b, data)))

    @rule(remote=_ids, service=st.sampled_from(["shell:", "reverse:forward:tcp:8;tcp:5000", "reverse:killforward-all"]))
    def host_opens(self, remote: int, service: str) -> None:
        if not self.hung_up:
            window = WINDOW if self.delayed else 0
            self.note(self.core.received(Packet(Verb.OPEN, remote, window, service.encode() + b"\0")))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), accept=st.booleans())
    def service_answers(self, data: st.DataObject, accept: bool) -> None:
        stream = data.draw(st.sampled_from(sorted(self.asked)))
        self.asked.discard(stream)
        if accept:
            self.live.add(stream)
            self.note(self.core.accept(stream))
        else:
            self.note(self.core.refuse(stream))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), payload=st.binary(min_size=1, max_size=8))
    def service_writes(self, data: st.DataObject, payload: bytes) -> None:
        stream = data.draw(st.sampled_from(sorted(self.live)))
        if self.core.may_send(stream):
            self.note(self.core.write(stream, payload))

    @precondition(lambda self: any(self.unread.get(stream) for stream in self.live))
    @rule(data=st.data())
    def service_reads(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(sorted(s for s in self.live if self.unread.get(s))))
        size = data.draw(st.integers(1, self.unread[stream]))
        self.unread[stream] -= size
        self.note(self.core.consumed(stream, size))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def service_closes(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(sorted(self.live)))
        self.live.discard(stream)
        self.note(self.core.close(stream))

    @rule(destination=st.sampled_from(_DESTINATIONS))
    def phone_opens(self, destination: str) -> None:
        try:
            _, commands = self.core.open(destination)
        except NotAllowedError:
            return
        assert destination == "tcp:5000", "only what was configured may ever be opened"
        self.note(commands)

    def note(self, commands: list[Command]) -> None:
        for command in commands:
            match command:
                case Send(packet):
                    assert packet.verb in set(Verb)
                    assert len(packet.payload) <= MAX_PAYLOAD
                    assert packet.verb in {Verb.CNXN, Verb.AUTH, Verb.OPEN} or packet.arg1 != 0
                case OpenAsked(stream):
                    self.asked.add(stream)
                case Opened(stream):
                    self.live.add(stream)
                case Data(stream, payload):
                    assert stream in self.live
                    self.unread[stream] = self.unread.get(stream, 0) + len(payload)
                case Closed(stream):
                    self.asked.discard(stream)
                    self.live.discard(stream)
                case HangUp():
                    self.hung_up = True
                case _:
                    pass

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.asked) + len(self.live) <= MAX_STREAMS
        assert all(size <= WINDOW + MAX_PAYLOAD for size in self.unread.values())


TestAnyHost = AnyHost.TestCase
TestAnyHost.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
