"""What has to happen next so that one phone answers again: pure, events in, commands out.

A phone is always in one of these states; each has a way on and a word for the person who waits:

```
absent ──► unusable (unauthorized, offline …) ──► opening ──► tunnelling ──► up
   ▲              ▲                                  │             │          │
   └──────────────┴────────── gone, replugged, adb server killed ──┴──────────┘
```
`up` means: transport open, reverse made, camera folder watched, page opened. A new `transport_id` is a replug even
when the serial never left the list. Tunnels die with the transport, so everything below `opening` is made again each
time. While up, the phone's reverse list is looked at every few seconds: another tool's `--remove-all` leaves no other
trace. A phone whose daemon has no reverse is up without a tunnel: there is no page on it, its folder is watched.
"""

from dataclasses import dataclass, field

from bridge.adb.devices import DeviceLine
from bridge.supervise.commands import (
    CheckTunnel,
    CloseTransport,
    Command,
    MakeTunnel,
    OpenPage,
    OpenTransport,
    Redial,
    StartWatching,
    State,
    Tell,
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

__all__ = ["HELLO_S", "Supervisor"]

# A first retry is quick because most failures right after a replug are the phone's daemon still starting.
RETRY_FIRST_S, RETRY_LONGEST_S = 0.2, 3.0
TUNNEL_CHECK_S = 2.0
# The page that was open before reconnects by itself within its longest back-off; only then is a new one opened.
PAGE_GRACE_S = 5.0
PAGE_TRIES = 3
# A browser that shows its welcome, or a phone that is locked, keeps the page from saying anything; a link lasts 60 s.
HELLO_S = 20.0
SILENT = "unlock the phone, finish the browser's welcome, allow the camera"
SILENT_AT_LAST = f"{SILENT}; then press `o` in the terminal of `bridge connect`, or start it again"
# The adb server dials a TCP phone again by itself for a minute; after that, and after its own restart, nobody does.
REDIAL_FIRST_S, REDIAL_S = 0.3, 1.0
REDIALLED = "wake the phone and its Wi-Fi; it is dialled again by itself"


@dataclass(slots=True)
class Supervisor:
    """The core for one serial. Call `handle` with each event and the time, then once more with `Wake` at `wake_at`."""

    serial: str
    open_page: bool = True
    watch: bool = True
    hello_s: float = HELLO_S
    state: State = State.ABSENT
    transport_id: int | None = None
    wake_at: float | None = None
    line: DeviceLine | None = None
    _told: tuple[State, str] | None = None
    _retry_s: float = RETRY_FIRST_S
    _watching: bool = False
    _tunnel: bool = True
    _linked: bool = False
    _page_tries: int = 0
    _unanswered: bool = False  # the page that was opened last has said nothing
    _silent: bool = False  # and people know, or have asked for it
    _page_due: float | None = None
    _out: list[Command] = field(default_factory=list)

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event; carry out what comes back in order. Late words of an older transport change nothing."""
        match event:
            case Devices(lines):
                self._devices(lines, now)
            case AdbGone():
                self._lost("the adb server ended", "it is being started again", now)
            case PageLinked():
                self._page_linked()
            case PageWanted():
                self._page_wanted(now)
            case Wake():
                self._wake(now)
            case TransportOpen() | TunnelMade() | TunnelGone() | NoTunnel() | Failed() | WatchEnded() if (
                event.transport_id != self.transport_id
            ):
                pass
            case TransportOpen():
                self._enter(State.TUNNELLING, "making the tunnel", now)
                self._out.append(MakeTunnel(event.transport_id))
            case TunnelMade():
                self._tunnel_made(event.transport_id, now)
            case TunnelGone():
                self._enter(State.TUNNELLING, "the tunnel was removed, making it again", now)
                self._out.append(MakeTunnel(event.transport_id))
            case NoTunnel():
                self._without_tunnel(event, now)
            case Failed():
                self._failed(event, now)
            case _:
                self._watching = False
                self._failed(event, now)
        out, self._out = self._out, []
        return out

    def page_gone(self) -> None:
        """The last page of this phone closed its socket."""
        self._linked = False

    # ---- each event's own story ----

    def _devices(self, lines: tuple[DeviceLine, ...], now: float) -> None:
        line = next((line for line in lines if line.serial == self.serial), None)
        if line is None or not line.ready:
            if self.transport_id is not None or self.state not in {State.ABSENT, State.UNUSABLE}:
                self._drop()
            self.line = line
            if line is None:
                hint = REDIALLED if self._by_network else "plug the phone in; work goes on by itself"
                self._enter(State.ABSENT, "not connected", now, hint=hint)
            else:
                hint = REDIALLED if self._by_network and line.state == "offline" else line.hint
                self._enter(State.UNUSABLE, line.state, now, hint=hint)
        elif line.transport_id != self.transport_id:
            if self.transport_id is not None:
                self._drop()
            self.line, self.transport_id, self._retry_s = line, line.transport_id, RETRY_FIRST_S
            self._open(now)

    def _open(self, now: float) -> None:
        assert self.line is not None  # ruff: ignore[assert]  # only called with a usable line
        self._enter(State.OPENING, "opening", now)
        self._out.append(OpenTransport(self.line))

    def _tunnel_made(self, transport_id: int, now: float) -> None:
        self._retry_s = RETRY_FIRST_S
        self._start_watching(transport_id)
        if self.open_page and not self._linked and self._page_due is None and self._page_tries < PAGE_TRIES:
            # The first page is opened at once; a later one only when the old one does not come back by itself.
            self._page_due = now if self._page_tries == 0 else now + PAGE_GRACE_S
        self._enter(State.UP, "ready", now)
        self._page(now)

    def _without_tunnel(self, event: NoTunnel, now: float) -> None:
        """There is no page on this phone; its camera folder needs none."""
        self._tunnel, self._page_due = False, None
        self._start_watching(event.transport_id)
        self._enter(State.UP, f"ready, without the page: {event.reason}", now, hint=event.hint)
        self.wake_at = now + TUNNEL_CHECK_S

    def _page_linked(self) -> None:
        self._linked, self._page_due, self._unanswered = True, None, False
        if self._silent:
            self._silent = False
            self._tell(self.state, "the page on the phone is linked", "")

    def _page_wanted(self, now: float) -> None:
        """Somebody asks for the page: it is opened anew, with all its tries."""
        if self.state is State.UP and self._tunnel:
            self._page_tries, self._page_due, self._unanswered = 0, now, False
            self._silent = True  # so its first word is told as well
            self._tell(self.state, "opening the page on the phone", "")
            self._page(now)

    def _failed(self, event: Failed | WatchEnded, now: float) -> None:
        self._tell(self.state, event.reason, event.hint)
        self.wake_at = now + self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_LONGEST_S)

    def _wake(self, now: float) -> None:
        if self.wake_at is None or now < self.wake_at:
            return
        self.wake_at = None
        if self.transport_id is None:  # only a phone on TCP wakes us while it is gone
            self._out.append(Redial(self.serial))
            self.wake_at = now + REDIAL_S
        elif self.state is State.OPENING:
            self._open(now)
        elif self.state is State.TUNNELLING:
            self._out.append(MakeTunnel(self.transport_id))
        else:
            self._page(now)
            self._start_watching(self.transport_id)
            if self._tunnel:
                self._out.append(CheckTunnel(self.transport_id))

    # ---- small steps ----

    @property
    def _by_network(self) -> bool:
        """Whether the phone is one that `adb connect` brings back."""
        return ":" in self.serial

    def _start_watching(self, transport_id: int) -> None:
        if self.watch and not self._watching:
            self._watching = True
            self._out.append(StartWatching(transport_id))

    def _page(self, now: float) -> None:
        """Open the page when it is due, and set the next alarm of a phone that is up."""
        if self._page_due is not None and now >= self._page_due and self.transport_id is not None:
            if self._unanswered:
                self._page_silent()
            if self._page_tries < PAGE_TRIES:
                self._page_tries += 1
                self._page_due, self._unanswered = now + self.hello_s, True
                self._out.append(OpenPage(self.transport_id))
            else:
                self._page_due = None
        self.wake_at = now + TUNNEL_CHECK_S
        if self._page_due is not None:
            self.wake_at = min(self.wake_at, self._page_due)

    def _page_silent(self) -> None:
        self._silent = True
        if self._page_tries < PAGE_TRIES:
            detail = f"no word from the page on the phone; opening it again ({self._page_tries + 1} of {PAGE_TRIES})"
            self._tell(self.state, detail, SILENT)
        else:
            self._tell(self.state, "no word from the page on the phone; waiting for you", SILENT_AT_LAST)

    def _lost(self, detail: str, hint: str, now: float) -> None:
        self._drop()
        self.line = None
        self._enter(State.ABSENT, detail, now, hint=hint)

    def _drop(self) -> None:
        if self.transport_id is not None:
            self._out.append(CloseTransport())
        self.transport_id, self._watching, self._tunnel = None, False, True
        self._linked, self._page_due, self._unanswered, self._silent = False, None, False, False
        self._page_tries = min(self._page_tries, 1)  # a page that had been opened once gets its tries again

    def _enter(self, state: State, detail: str, now: float, *, hint: str = "") -> None:
        self.state = state
        gone = state in {State.ABSENT, State.UNUSABLE}
        self.wake_at = now + REDIAL_FIRST_S if gone and self._by_network else None
        self._tell(state, detail, hint)

    def _tell(self, state: State, detail: str, hint: str) -> None:
        if self._told != (state, detail):
            self._told = (state, detail)
            self._out.append(Tell(state, detail, hint))
