"""The phone's end of one ADB connection, without the connection.

Pure: packets and the services' wishes go in, commands come out; no socket, no task, no clock. Every method that may
have something to say returns the commands in the order in which they must be carried out.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from virtual_phone.allow import AllowList
from virtual_phone.auth import key_of, verify
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
from virtual_phone.streams import WINDOW, Phase, StreamState

__all__ = ["MAX_STREAMS", "Core"]

VERSION = 0x01000001
VERSION_WITHOUT_CHECKSUM = 0x01000001
MAX_STREAMS = 1024
_MIN_PAYLOAD = 4096
_TOKEN, _SIGNATURE, _PUBLIC_KEY = 1, 2, 3


class Core:
    """One connection. `trusted` is shared by all connections of a phone; None means that every host is welcome.

    `limit` is the largest payload this phone takes and sends.
    """

    def __init__(
        self,
        banner: str,
        *,
        trusted: AbstractSet[bytes] | None,
        new_token: Callable[[], bytes],
        limit: int = MAX_PAYLOAD,
    ) -> None:
        self._banner = banner
        self._trusted = trusted
        self._new_token = new_token
        self._limit = limit
        self._token = b""
        self._greeted = False
        self._delayed = False
        self._streams: dict[int, StreamState] = {}
        self._next_id = 1
        self._allowed = AllowList()
        self.online = False
        self.offered_key: bytes | None = None
        self.max_payload = _MIN_PAYLOAD
        self.checksum = True

    # -------------------------------------------------------------------------------------------- from the host
    def received(self, packet: Packet) -> list[Command]:
        """A packet arrived."""
        if packet.verb == Verb.CNXN:
            return self._connect(packet)
        if packet.verb == Verb.AUTH:
            return self._authenticate(packet) if self._greeted and not self.online else []
        if not self.online:
            return []
        match packet.verb:
            case Verb.OPEN:
                return self._asked_to_open(packet)
            case Verb.OKAY:
                return self._granted(packet)
            case Verb.WRTE:
                return self._written(packet)
            case Verb.CLSE:
                return self._closed(packet)
        return []

    def _connect(self, packet: Packet) -> list[Command]:
        commands = self._start_over() if self.online else []
        self.checksum = packet.arg0 < VERSION_WITHOUT_CHECKSUM
        self.max_payload = max(_MIN_PAYLOAD, min(packet.arg1, self._limit))
        self._delayed = "delayed_ack" in _features(packet.payload) and "delayed_ack" in _features(self._banner.encode())
        self._greeted = True
        return commands + (self._welcome() if self._trusted is None else self._challenge())

    def _start_over(self) -> list[Command]:
        self.online = False
        self._allowed.clear()
        ended = list(self._streams)
        self._streams.clear()
        return [*(Closed(stream) for stream in ended), Offline()]

    def _welcome(self) -> list[Command]:
        self.online = True
        self.offered_key = None
        return [Send(Packet(Verb.CNXN, VERSION, self._limit, self._banner.encode())), Online()]

    def _challenge(self) -> list[Command]:
        self._token = self._new_token()
        return [Send(Packet(Verb.AUTH, _TOKEN, 0, self._token))]

    def _authenticate(self, packet: Packet) -> list[Command]:
        if packet.arg0 == _SIGNATURE:
            known = any(verify(key, self._token, packet.payload) for key in self._trusted or ())
            return self._welcome() if known else self._challenge()
        if packet.arg0 == _PUBLIC_KEY and (key := key_of(packet.payload)) is not None:
            self.offered_key = key
            return [KeyOffered(key)]
        return []

    def allow_offered_key(self) -> list[Command]:
        """Somebody tapped «Allow»: the host that waits is connected."""
        return self._welcome() if self.offered_key is not None and not self.online else []

    def _asked_to_open(self, packet: Packet) -> list[Command]:
        remote, window = packet.arg0, packet.arg1
        if remote == 0:
            return []
        service = packet.payload.rstrip(b"\x00").decode(errors="surrogateescape")
        self._allowed.heard(service)
        if len(self._streams) >= MAX_STREAMS or (window > 0) != self._delayed:
            return [Send(Packet(Verb.CLSE, 0, remote))]
        state = self._new_stream(remote, Phase.ASKED)
        state.credit = window
        return [OpenAsked(state.local, service)]

    def _granted(self, packet: Packet) -> list[Command]:
        state = self._streams.get(packet.arg1)
        if state is None or packet.arg0 == 0:
            return []
        if state.phase is Phase.OPENING:
            state.remote = packet.arg0
            state.open(state.first_credit(packet.payload))
            return [Opened(state.local)]
        if state.phase is Phase.ABANDONED:
            del self._streams[state.local]
            return [Send(Packet(Verb.CLSE, state.local, packet.arg0))]
        if state.phase is Phase.OPEN and state.remote == packet.arg0 and state.granted(packet.payload):
            return [Credit(state.local)]
        return []

    def _written(self, packet: Packet) -> list[Command]:
        state = self._streams.get(packet.arg1)
        if state is None or state.remote != packet.arg0 or not packet.payload:
            return []
        if not state.received(len(packet.payload)):
            return [HangUp(f"stream {state.local}: more data than its window allows")]
        return [Data(state.local, packet.payload)]

    def _closed(self, packet: Packet) -> list[Command]:
        state = self._streams.get(packet.arg1)
        # A refusal of our OPEN carries no remote id: no stream of the host was ever made.
        if state is None or packet.arg0 not in {0, state.remote}:
            return []
        del self._streams[state.local]
        return [] if state.phase is Phase.ABANDONED else [Closed(state.local)]

    # -------------------------------------------------------------------------------------------- from services
    def accept(self, stream: int) -> list[Command]:
        """The service is ready."""
        state = self._state(stream, Phase.ASKED)
        state.open(state.credit)
        return [Send(Packet(Verb.OKAY, state.local, state.remote, state.window()))]

    def refuse(self, stream: int) -> list[Command]:
        """There is no such service, or it cannot be had."""
        state = self._state(stream, Phase.ASKED)
        del self._streams[stream]
        return [Send(Packet(Verb.CLSE, 0, state.remote))]

    def open(self, destination: str) -> tuple[int, list[Command]]:
        """Ask the host for a stream to one of its addresses. Raises `NotAllowedError`."""
        if not self.online or not self._allowed.allows(destination):
            raise NotAllowedError(destination)
        if len(self._streams) >= MAX_STREAMS:
            raise NotAllowedError(f"{destination}: {MAX_STREAMS} streams are open")
        state = self._new_stream(0, Phase.OPENING)
        window = WINDOW if self._delayed else 0
        return state.local, [Send(Packet(Verb.OPEN, state.local, window, destination.encode() + b"\x00"))]

    def may_send(self, stream: int) -> bool:
        """Whether `write` is possible now. Raises `StreamClosedError`."""
        return self._state(stream, Phase.OPEN).may_send

    def write(self, stream: int, data: bytes) -> list[Command]:
        """Send at most `max_payload` bytes. Raises `StreamClosedError`."""
        state = self._state(stream, Phase.OPEN)
        if not state.may_send or not 0 < len(data) <= self.max_payload:
            raise ValueError(f"stream {stream} may not send {len(data)} bytes now")
        state.sent(len(data))
        return [Send(Packet(Verb.WRTE, state.local, state.remote, data))]

    def consumed(self, stream: int, size: int) -> list[Command]:
        """The service used bytes of this stream; after its end nobody is told."""
        state = self._streams.get(stream)
        if state is None or (due := state.consumed(size)) is None:
            return []
        return [Send(Packet(Verb.OKAY, state.local, state.remote, due))]

    def close(self, stream: int) -> list[Command]:
        """The service is done with the stream; closing twice is fine."""
        state = self._streams.get(stream)
        if state is None or state.phase is Phase.ABANDONED:
            return []
        if state.phase is Phase.OPENING:
            state.phase = Phase.ABANDONED  # the host's answer must still be met with CLSE
            return []
        del self._streams[stream]
        return [Send(Packet(Verb.CLSE, state.local if state.phase is Phase.OPEN else 0, state.remote))]

    # -------------------------------------------------------------------------------------------- inside
    def _new_stream(self, remote: int, phase: Phase) -> StreamState:
        state = StreamState(self._next_id, remote, phase, self._delayed)
        self._streams[state.local] = state
        self._next_id += 1
        return state

    def _state(self, stream: int, phase: Phase) -> StreamState:
        state = self._streams.get(stream)
        if state is None or state.phase is not phase:
            raise StreamClosedError(f"stream {stream}")
        return state


def _features(banner: bytes) -> list[str]:
    """The features in `host::features=a,b` or `device::ro.x=y;features=a,b`."""
    fields = banner.rstrip(b"\x00").decode(errors="replace").partition("::")[2].split(";")
    for field in fields:
        if field.startswith("features="):
            return field.removeprefix("features=").split(",")
    return []
