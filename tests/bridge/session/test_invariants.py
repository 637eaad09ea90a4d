"""Whatever happens in whatever order, the session keeps its promises."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.session import commands as do
from bridge.session import events as on
from bridge.session.line import MAX_WAITING
from bridge.session.messages import Ask
from host_server.wire.errors import WireError
from host_server.wire.events import TERMINAL_TYPES
from tests.support.session import HostAnswer, Watchers, new_core, picture

VIEWERS = ("page", "terminal", "second page")
PICTURES = tuple(picture(f"{n}.jpg", content=f"{n // 2}") for n in range(6))


class Conversation(RuleBasedStateMachine):
    """A phone, its viewers and a host that may do anything a host can do."""

    def __init__(self) -> None:
        super().__init__()
        self.core = new_core()
        self.watchers = Watchers(self.core)
        self.present: set[str] = set()
        self.connections = 0
        self.now = 0.0
        self.asks: list[do.AskHost] = []
        self.running: dict[str, HostAnswer] = {}
        self.uploads: list[str] = []
        self.retries: list[str] = []
        self.records: Counter[tuple[str, str]] = Counter()
        self.accepted: dict[str, str] = {}
        self.ended: Counter[str] = Counter()
        self.retry_of: list[str] = []

    def feed(self, event: on.Event) -> None:
        self.now += 1.0
        commands = self.core.handle(event, self.now)
        self.watchers.do(commands)  # a KeyError here is something sent to a viewer that left
        for command in commands:
            match command:
                case do.AskHost():
                    assert not self.asks, "one question at a time"
                    self.asks.append(command)
                case do.Upload(sha256=sha256):
                    assert sha256 not in self.uploads
                    self.uploads.append(sha256)
                case do.RetryLater(question_id=question_id):
                    self.retries.append(question_id)
                case do.Record(capture_id=capture_id, question_key=key):
                    self.records[capture_id, key] += 1
                case _:
                    pass

    @rule(viewer=st.sampled_from(VIEWERS), greets=st.booleans())
    def viewer_comes(self, viewer: str, *, greets: bool) -> None:
        if viewer in self.present:
            return
        self.present.add(viewer)
        self.watchers.come(viewer)
        self.watchers.seen[viewer] = []
        self.feed(on.ViewerCame(viewer, "page", None if greets else {}))

    @rule(viewer=st.sampled_from(VIEWERS))
    def viewer_leaves(self, viewer: str) -> None:
        self.present.discard(viewer)
        self.watchers.leave(viewer)
        self.feed(on.ViewerLeft(viewer))

    @rule(viewer=st.sampled_from(VIEWERS), after=st.integers(-1, 6), known=st.booleans())
    def viewer_greets(self, viewer: str, after: int, *, known: bool) -> None:
        names = list(self.accepted)[-2:] if known else ["resp_unknown"]
        self.feed(on.ViewerGreeted(viewer, dict.fromkeys(names, after)))

    @rule(viewer=st.sampled_from(VIEWERS))
    def catch_up(self, viewer: str) -> None:
        self.feed(on.CatchUpDue(viewer))

    @rule(viewer=st.sampled_from(VIEWERS))
    def viewer_reads(self, viewer: str) -> None:
        if viewer in self.present:
            self.watchers.read(viewer)

    @rule(viewer=st.sampled_from(VIEWERS), one=st.sampled_from(PICTURES), chain=st.booleans())
    def viewer_asks(self, viewer: str, one: Any, *, chain: bool) -> None:
        earlier = next(iter(self.accepted), None) if chain else None
        self.feed(on.ViewerAsked(viewer, Ask("Who?", one.sha256, earlier, "e"), one))

    @rule(viewer=st.sampled_from(VIEWERS), newest=st.booleans())
    def viewer_cancels(self, viewer: str, *, newest: bool) -> None:
        name = list(self.accepted)[-1] if newest and self.accepted else "resp_unknown"
        self.feed(on.ViewerCancelled(viewer, name))

    @rule(one=st.sampled_from(PICTURES))
    def picture_comes(self, one: Any) -> None:
        self.feed(on.CaptureTaken(one))

    @rule(paused=st.booleans())
    def pause(self, *, paused: bool) -> None:
        self.feed(on.PauseSet(paused))

    @rule(up=st.booleans())
    def host_comes_or_goes(self, *, up: bool) -> None:
        self.feed(on.HostCame(("echo",)) if up else on.HostWent())

    @precondition(lambda self: self.uploads)
    @rule(how=st.sampled_from(["done", "done", "lost", "refused", "busy"]))
    def upload_ends(self, how: str) -> None:
        sha256 = self.uploads.pop(0)
        error = WireError("image_decode" if how == "refused" else "storage_full", "No.")
        ends: Mapping[str, on.Event] = {"done": on.Uploaded(sha256, 1.0), "lost": on.UploadLost(sha256)}
        self.feed(ends.get(how) or on.UploadRefused(sha256, error, retryable=how == "busy"))

    @precondition(lambda self: self.retries)
    @rule()
    def retry_is_due(self) -> None:
        self.feed(on.RetryDue(self.retries.pop(0)))

    @precondition(lambda self: self.asks and not self.running)
    @rule(how=st.sampled_from(["accept", "accept", "accept", "lost", "busy", "refuse", "chain", "gone"]))
    def host_decides(self, how: str) -> None:
        ask = self.asks[0]
        if how == "accept":
            name = f"resp_{len(self.accepted)}"
            self.running[ask.question_id] = HostAnswer(name)
            self.accepted[name] = ask.question_id
            self.feed(on.HostSaid(ask.question_id, self.running[ask.question_id].created()))
            return
        self.asks.pop(0)
        if how == "lost":
            self.feed(on.AskLost(ask.question_id))
            return
        codes = {"busy": "queue_full", "refuse": "prompt_too_long", "chain": "previous_response_not_found"}
        error = WireError(codes.get(how, "capture_not_found"), "No.")
        self.feed(on.AskRefused(ask.question_id, error, retryable=how == "busy"))

    @precondition(lambda self: self.running)
    @rule(how=st.sampled_from(["word", "word", "complete", "fail", "break"]))
    def host_writes(self, how: str) -> None:
        (question_id, answer), *_ = self.running.items()
        if how == "word":
            for event in answer.words("x"):
                self.feed(on.HostSaid(question_id, event))
            return
        answer.words("x")
        events = (
            answer.completed() if how == "complete" else answer.failed("internal" if how == "fail" else "engine_oom")
        )
        del self.running[question_id]
        self.asks.pop(0)
        for event in events:
            self.feed(on.HostSaid(question_id, event | {"sequence_number": event["sequence_number"] + 100}))

    @rule(late=st.sampled_from(["q_unknown"]))
    def somebody_speaks_too_late(self, late: str) -> None:
        self.feed(on.HostSaid(late, HostAnswer("resp_late").created()))
        self.feed(on.AskLost(late))
        self.feed(on.RetryDue(late))

    @invariant()
    def each_question_about_a_picture_is_journalled_at_most_once(self) -> None:
        assert all(count == 1 for count in self.records.values())

    @invariant()
    def each_viewer_saw_each_answer_in_order_and_ending_at_most_once(self) -> None:
        for events in self.watchers.seen.values():
            last: dict[str, int] = {}
            ended: set[str] = set()
            ours = [event["sequence_number"] for event in events if event["type"].startswith("bridge:")]
            assert ours == list(range(len(ours)))
            for event in events:
                name = event.get("response_id", "")
                if not event["type"].startswith("response."):
                    continue
                assert name not in ended
                assert event["sequence_number"] > last.get(name, -1)
                last[name] = event["sequence_number"]
                if event["type"] in TERMINAL_TYPES:
                    ended.add(name)
                    assert event["response"]["id"] == name

    @invariant()
    def an_interrupted_question_is_asked_again_once(self) -> None:
        per_question = Counter(self.accepted.values())
        assert all(count <= 2 for count in per_question.values())

    @invariant()
    def memory_is_bounded(self) -> None:
        lane = self.core._lane
        assert len(lane.line) <= MAX_WAITING + 1
        assert len(lane.pictures._coming) <= 2

    def teardown(self) -> None:
        """When the dust settles every accepted question has its end, everywhere it began."""
        self.feed(on.HostCame(("echo",)))
        for _ in range(1000):
            if self.uploads:
                self.feed(on.Uploaded(self.uploads.pop(0), 1.0))
            elif self.retries:
                self.feed(on.RetryDue(self.retries.pop(0)))
            elif self.running:
                self.host_writes("complete")
            elif self.asks:
                self.host_decides("accept")
            else:
                break
        assert len(self.core._lane.line) == 0
        for viewer in self.present:
            self.watchers.read(viewer)
            events = self.watchers.seen[viewer]
            begun = {event["response_id"] for event in events if event["type"] == "response.created"}
            ended = {event["response_id"] for event in events if event["type"] in TERMINAL_TYPES}
            assert begun <= ended


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
