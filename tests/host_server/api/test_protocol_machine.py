"""The protocol in any order: ask, cut, resume, cancel, acknowledge, ask the same again; what all saw must agree."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from host_server.service import Limits
from host_server.wire.events import is_terminal
from tests.support.history import agrees, assert_clean, said, text_by_number
from tests.support.host_in_loop import Serving, serving
from tests.support.theatre_engine import TheatreEngine
from tests.support.until import until

pytestmark = pytest.mark.soak

Json = dict[str, Any]
_ResultT = TypeVar("_ResultT")
_ThingT = TypeVar("_ThingT")
ROUNDS = int(os.environ.get("SOAK", "3"))
PICKS = st.integers(0, 1000)  # taken modulo: what there is to pick from may not depend on how quick the host is
LANES = st.sampled_from(["A", "B", None])
TEXTS = st.text(min_size=1, max_size=8)
STAGES = (f"question {number}" for number in count())
LIMITS = Limits(max_waiting=1000, max_per_principal=1000, grace_s=30.0)


@dataclass(eq=False)
class _Question:
    stage: str
    over: bool = False  # its engine has been told to end
    name: str | None = None  # of its answer
    cancelled: bool = False

    @property
    def create(self) -> Json:
        return {"type": "response.create", "input": self.stage, "metadata": {"idempotency_key": self.stage}}


@dataclass(eq=False)
class _Client:
    socket: ClientConnection
    seen: list[Json] = field(default_factory=list)
    asked: list[tuple[str | None, _Question]] = field(default_factory=list)

    async def read(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                self.seen.append(json.loads(await self.socket.recv()))

    async def send(self, message: Json) -> None:
        with suppress(ConnectionClosed):
            await self.socket.send(json.dumps(message))


class _Protocol(RuleBasedStateMachine):
    """The host runs in the test's loop, this in a thread beside it."""

    host: Serving
    engine: TheatreEngine
    loop: asyncio.AbstractEventLoop
    tasks: asyncio.TaskGroup
    http: httpx.AsyncClient

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[_Client] = []
        self.gone: list[_Client] = []
        self.questions: list[_Question] = []

    def _do(self, work: Coroutine[Any, Any, _ResultT]) -> _ResultT:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    # ------------------------------------------------------------------------------------- what clients do

    @precondition(lambda self: len(self.clients) < 4)
    @rule(ours=st.booleans())
    def connect(self, ours: bool) -> None:
        async def connect() -> _Client:
            client = _Client(await self.host.socket(ours=ours))
            self.tasks.create_task(client.read())
            return client

        self.clients.append(self._do(connect()))

    @precondition(lambda self: self.clients)
    @rule(who=PICKS, lane=LANES)
    def ask(self, who: int, lane: str | None) -> None:
        question = _Question(next(STAGES))
        self.questions.append(question)
        self._ask(_pick(self.clients, who), question, lane)

    @precondition(lambda self: self.clients and self.questions)
    @rule(who=PICKS, what=PICKS, lane=LANES)
    def ask_the_same_again(self, who: int, what: int, lane: str | None) -> None:
        self._ask(_pick(self.clients, who), _pick(self.questions, what), lane)

    def _ask(self, client: _Client, question: _Question, lane: str | None) -> None:
        client.asked.append((lane, question))
        self._do(client.send(question.create if lane is None else question.create | {"stream_id": lane}))

    @precondition(lambda self: self.clients and self.questions)
    @rule(what=PICKS)
    def ask_another_with_its_key(self, what: int) -> None:
        question = self._named(what)
        if question is None:
            return
        body = question.create | {"input": "another", "type": None}
        answer = self._do(self._post("/v1/responses", body))
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_reused")

    @precondition(lambda self: self.clients and self.questions)
    @rule(who=PICKS, what=PICKS, after=st.integers(-1, 12))
    def resume(self, who: int, what: int, after: int) -> None:
        client, question = _pick(self.clients, who), self._named(what)
        if question is None:
            return
        point = {"id": question.name, "starting_after": after, "stream_id": f"again {question.stage}"}
        self._do(client.send({"type": "bridge:resume", "responses": [point]}))

    @precondition(lambda self: self.clients and self.questions)
    @rule(who=PICKS, what=PICKS, number=st.integers(-1, 12))
    def acknowledge(self, who: int, what: int, number: int) -> None:
        client, question = _pick(self.clients, who), self._named(what)
        if question is None:
            return
        self._do(client.send({"type": "bridge:ack", "response_id": question.name, "sequence_number": number}))

    @precondition(lambda self: self.questions)
    @rule(who=PICKS, what=PICKS, by_http=st.booleans())
    def cancel(self, who: int, what: int, by_http: bool) -> None:
        question = self._named(what)
        if question is None:
            return
        question.cancelled = True
        if by_http or not self.clients:
            answer = self._do(self._post(f"/v1/responses/{question.name}/cancel", {}))
            assert answer.json()["status"] in {"cancelled", "completed", "failed"}
        else:
            client = _pick(self.clients, who)
            self._do(client.send({"type": "response.cancel", "response_id": question.name}))

    @precondition(lambda self: self.clients)
    @rule(who=PICKS, gently=st.booleans())
    def leave(self, who: int, gently: bool) -> None:
        client = _pick(self.clients, who)
        self.clients.remove(client)
        self.gone.append(client)
        self._do(self._end(client, gently=gently))

    async def _end(self, client: _Client, *, gently: bool) -> None:
        if gently:
            await client.socket.close()
        else:
            client.socket.transport.abort()

    # ------------------------------------------------------------------------------------- what the engine does

    @precondition(lambda self: self._open())
    @rule(what=PICKS, texts=st.lists(TEXTS, min_size=1, max_size=4))
    def say(self, what: int, texts: list[str]) -> None:
        stage = _pick(self._open(), what).stage
        self.loop.call_soon_threadsafe(self.engine.say, stage, *texts)

    @precondition(lambda self: self._open())
    @rule(what=PICKS, well=st.booleans())
    def finish(self, what: int, well: bool) -> None:
        question = _pick(self._open(), what)
        self._finish(question, well=well)

    def _finish(self, question: _Question, *, well: bool) -> None:
        question.over = True
        self.loop.call_soon_threadsafe(self.engine.finish if well else self.engine.fail, question.stage)

    def _open(self) -> list[_Question]:
        return [question for question in self.questions if not question.over]

    # ------------------------------------------------------------------------------------- what has to be so

    @rule()
    def look(self) -> None:
        """An answer is the same for all who know its question, and may be read at any time."""
        for question in self._all_named():
            answer = self._do(self._get(f"/v1/responses/{question.name}"))
            assert answer["metadata"]["idempotency_key"] == question.stage

    def _named(self, what: int) -> _Question | None:
        """A question, if somebody has heard of its answer by now."""
        question = _pick(self.questions, what)
        return question if question in self._all_named() else None

    def _all_named(self) -> list[_Question]:
        created = [event for client in self.clients + self.gone for event in client.seen if "response" in event]
        names: defaultdict[str, set[str]] = defaultdict(set)
        for event in created:
            names[event["response"]["metadata"]["idempotency_key"]].add(event["response"]["id"])
        for question in self.questions:
            assert len(names[question.stage]) <= 1, "one question, two answers"
            question.name = next(iter(names[question.stage]), question.name)
        return [question for question in self.questions if question.name]

    def teardown(self) -> None:
        for question in self._open():
            self._finish(question, well=True)
        self._do(until(lambda: not self.host.service.busy and self._heard_all(), seconds=15))
        for question in self._all_named():
            self._judge(question)
        for client in self.clients + self.gone:
            _judge_lanes(client)
        for client in self.clients:
            self._do(self._end(client, gently=True))

    def _heard_all(self) -> bool:
        """Every client that stayed has the end of everything it asked."""
        return all(
            len([event for event in client.seen if is_terminal(event) and not _again(event)]) == len(client.asked)
            for client in self.clients
        )

    def _judge(self, question: _Question) -> None:
        whole = self._do(self._events(question))
        assert_clean(whole)
        end = whole[-1]["response"]
        assert end["status"] in ({"cancelled"} if question.cancelled else set()) | {"completed", "failed"}
        assert said(self._do(self._get(f"/v1/responses/{question.name}"))) == said(end)
        numbered, pieces = {event["sequence_number"]: event for event in whole}, text_by_number(whole)
        for client in self.clients + self.gone:
            for event in client.seen:
                if event.get("response_id") == question.name:
                    assert agrees(event, numbered, pieces), event

    # ------------------------------------------------------------------------------------- HTTP

    async def _events(self, question: _Question) -> list[Json]:
        answer = await self.http.get(f"/v1/responses/{question.name}?stream=true")
        lines = answer.text.split("\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]

    async def _get(self, path: str) -> Json:
        body: Json = (await self.http.get(path)).json()
        return body

    async def _post(self, path: str, body: Json) -> Any:
        return await self.http.post(path, json=body)


def _pick(things: list[_ThingT], number: int) -> _ThingT:
    return things[number % len(things)]


def _again(event: Json) -> bool:
    return str(event.get("stream_id")).startswith("again")


def _judge_lanes(client: _Client) -> None:
    """A lane's answers came in the order of its questions, each as a whole before the next."""
    events = [event for event in client.seen if event["type"].startswith("response.") and not _again(event)]
    for lane in ("A", "B", None):
        answers = [list(group) for _, group in groupby(_of(events, lane), itemgetter("response_id"))]
        asked = [question.name for wanted, question in client.asked if wanted == lane]
        came = [answer[0]["response_id"] for answer in answers]
        merged = [name for name, _ in groupby(asked)]
        assert came == merged[: len(came)]


def _of(events: list[Json], lane: str | None) -> list[Json]:
    return [event for event in events if event.get("stream_id") == lane]


async def test_whatever_is_done_in_whatever_order_everybody_sees_the_same_answers(tmp_path: Path) -> None:
    engine = TheatreEngine(lanes=4)
    async with (
        serving(tmp_path, engine, limits=LIMITS, within_s=60.0 * ROUNDS) as host,
        host.client() as client,
        asyncio.TaskGroup() as group,
    ):

        class Machine(_Protocol):
            pass

        Machine.host, Machine.engine, Machine.loop = host, engine, asyncio.get_running_loop()
        Machine.tasks, Machine.http = group, client
        rules = settings(max_examples=8 * ROUNDS, stateful_step_count=25, suppress_health_check=list(HealthCheck))
        await asyncio.to_thread(run_state_machine_as_test, Machine, settings=rules)
