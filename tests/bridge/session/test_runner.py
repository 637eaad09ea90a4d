"""A session with a real host that lives, dies and comes back."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from bridge.client import HostClient
from bridge.session import Session, Viewer
from bridge.spool import Spool
from tests.support.bridge import PHONE, PROMPT, SHA256, Bench, bench, jpeg
from tests.support.host import RunningHost
from tests.support.until import until

SLOW = "echo=20"
PAUSE = '{"type":"bridge:pause","paused":true}'


@pytest.fixture
def host(shared_host: RunningHost) -> RunningHost:
    return shared_host


@pytest.fixture(scope="module")
def slow_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """Leave it running."""
    with RunningHost.start(tmp_path_factory.mktemp("slow-host") / "state", [SLOW]) as running:
        yield running


class Hosts:
    """A host that can be killed and started again at another address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: RunningHost | None = None
        self._there = asyncio.Event()

    async def start(self) -> None:
        self._running = await asyncio.to_thread(RunningHost.start, self._folder, [SLOW])
        self._there.set()

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
        self._there.clear()

    async def __call__(self) -> tuple[str, str]:
        await self._there.wait()
        assert self._running is not None
        return self._running.url, self._running.token


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path / "state")
    yield made
    made.kill()


async def test_a_picture_is_answered_and_journalled(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path) as desk:
        capture = desk.take()
        desk.session.submit(capture)
        answer = await desk.until("answer")

        assert (answer["status"], answer["text"]) == ("completed", f"{PROMPT} [picture 32x32]")
        assert all(answer["timings_ms"][stage] is not None for stage in ("pull", "upload", "queue", "prepare"))
        assert 0 < answer["timings_ms"]["first_token"] <= answer["timings_ms"]["total"]
        (kept,) = desk.spool.answers(capture.capture_id)
        assert (kept.response_id, kept.text) == (answer["response_id"], answer["text"])
        assert desk.spool.pending(PHONE.device_id) == []


async def test_the_spools_backlog_is_asked_about_first(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path, backlog=False) as desk:
        desk.take("a.jpg")
        desk.take("b.jpg")
    async with bench(host, tmp_path) as desk:
        await desk.until("answer", 2)

        assert desk.spool.pending(PHONE.device_id) == []
        assert [event["name"] for event in desk.events if event.get("state") == "waiting"] == ["a.jpg", "b.jpg"]


async def test_a_host_killed_in_the_middle_of_an_answer(hosts: Hosts, tmp_path: Path) -> None:
    await hosts.start()
    async with bench(hosts, tmp_path) as desk:
        with desk.session.subscribe("page", resume={}) as page:
            capture = desk.take()
            desk.session.submit(capture)
            await desk.until("delta")
            hosts.kill()
            await desk.until("error")
            later = desk.take("b.jpg", jpeg("blue"))
            desk.session.submit(later)
            await hosts.start()
            await desk.until("answer", 2)
            shown = await read(page)

        first, second = [event for event in desk.events if event["event"] == "answer"]
        assert (first["status"], first["capture_id"]) == ("completed", capture.capture_id)
        assert (second["status"], second["capture_id"]) == ("completed", later.capture_id)
        questions = [event for event in shown if event["type"] == "bridge:question"]
        assert questions[1]["retry_of"] == questions[0]["response_id"]
        ends = [event["type"] for event in shown if event["type"].startswith("response.") and "response" in event]
        assert [end for end in ends if end in {"response.failed", "response.completed"}] == [
            "response.failed",
            "response.completed",
            "response.completed",
        ]
        assert len(desk.spool.answers(capture.capture_id)) == 1


async def test_a_page_reads_on_what_the_bridge_before_had_begun(slow_host: RunningHost, tmp_path: Path) -> None:
    async with bench(slow_host, tmp_path) as desk:
        with desk.session.subscribe("page", resume={}) as page:
            capture = desk.take()
            desk.session.handle(page, ask("which words stand in this picture", SHA256))
            await desk.until("delta", 2)
            begun = [event for event in await read(page) if event["type"].startswith("response.")]
    last = begun[-1]
    async with bench(slow_host, tmp_path, backlog=False) as desk:
        await desk.client.connected()
        with desk.session.subscribe("page", resume={last["response_id"]: last["sequence_number"]}) as page:
            rest = [event for event in await read(page, until="response.completed") if "response_id" in event]
        await until(lambda: desk.spool.answers(capture.capture_id))
        (kept,) = desk.spool.answers(capture.capture_id)

    text = "".join(event.get("delta", "") for event in [*begun, *rest])
    assert text == "which words stand in this picture [picture 32x32]" == kept.text
    assert kept.response_id == last["response_id"]


@pytest.mark.parametrize("whose", ["another phone", "nobody", "a deleted picture"])
async def test_what_is_no_answer_of_this_phone_is_lost_to_its_pages(
    slow_host: RunningHost, tmp_path: Path, whose: str
) -> None:
    about = {"another phone": {"device_id": "dev_other"}, "nobody": {}}
    gone = {"device_id": PHONE.device_id, "capture_id": "cap_" + "0" * 32}
    async with bench(slow_host, tmp_path) as desk:
        await desk.client.connected()
        create = {"input": "a secret", "metadata": about.get(whose, gone)}
        async with aclosing(desk.client.ask(create)) as events:
            answer = (await anext(events))["response"]["id"]
            with desk.session.subscribe("page", resume={answer: -1}) as page:
                shown = await read(page, until="error")

    assert [event["error"]["code"] for event in shown if event["type"] == "error"] == ["response_not_found"]
    assert not [event for event in shown if event["type"].startswith("response.")]


async def test_an_answer_that_no_host_knows_is_lost(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path) as desk:
        with desk.session.subscribe("page", resume={"resp_of_another_host": 3}) as page:
            shown = await read(page, until="error")

    assert shown[-1]["error"]["param"] == "resp_of_another_host"


async def test_pictures_taken_without_a_host_wait_for_it(hosts: Hosts, tmp_path: Path) -> None:
    async with bench(hosts, tmp_path) as desk:
        desk.session.submit(desk.take())
        await desk.until("capture", state="waiting")
        await hosts.start()
        await desk.until("answer")


async def test_a_picture_that_the_host_refuses_is_final(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path) as desk:
        desk.session.submit(desk.take("no.jpg", b"this is no picture"))
        error = await desk.until("error", final=True)

        assert error["code"] == "image_format"
    with Spool(tmp_path / "spool") as spool:
        assert spool.pending(PHONE.device_id) == []


async def test_a_picture_that_is_gone_from_the_laptop_is_reported(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path) as desk:
        capture = desk.take("gone.jpg", jpeg("green"))
        desk.spool.blob_path(capture.sha256).unlink()
        desk.session.submit(capture)

        assert (await desk.until("error", final=True))["code"] == "capture_not_found"


async def test_a_question_about_this_phones_picture_of_long_ago(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path, backlog=False) as desk:
        desk.take()
        with desk.session.subscribe("terminal") as viewer:
            desk.session.handle(viewer, ask("again", SHA256))
            desk.session.handle(viewer, ask("mine?", "ab" * 32))
            answer = await desk.until("answer")
            shown = await read(viewer)

    assert (answer["asked_by"], answer["text"]) == ("terminal", "again [picture 32x32]")
    assert [event["error"]["code"] for event in shown if event["type"] == "error"] == ["capture_not_found"]


async def test_a_running_answer_can_be_cancelled(slow_host: RunningHost, tmp_path: Path) -> None:
    async with bench(slow_host, tmp_path) as desk:
        with desk.session.subscribe("page", resume={}) as page:
            desk.session.submit(desk.take())
            delta = await desk.until("delta")
            desk.session.handle(page, f'{{"type":"response.cancel","response_id":"{delta["response_id"]}"}}')
            answer = await desk.until("answer")

    assert answer["status"] == "cancelled"


async def test_pause_and_the_phones_state_are_told(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path) as desk:
        await desk.client.connected()
        with desk.session.subscribe("page") as page:
            desk.session.phone_state("device", "", "")
            desk.session.handle(page, PAUSE)
            desk.session.handle(page, "{")
            status = desk.session.status()
            shown = await read(page)

    assert (status["state"], status["watching"], status["pages"], status["host"]["up"]) == ("device", False, 1, True)
    assert [event["type"] for event in shown][-3:] == ["bridge:device", "bridge:pause", "error"]


async def test_a_viewer_that_does_not_greet_sees_the_running_answer_soon(
    slow_host: RunningHost, tmp_path: Path
) -> None:
    async with bench(slow_host, tmp_path) as desk:
        desk.session.submit(desk.take())
        await desk.until("delta")
        with desk.session.subscribe("page") as page:
            await desk.until("answer")
            shown = await read(page, until="response.completed")

    assert shown[-1]["type"] == "response.completed"
    assert "response.created" in [event["type"] for event in shown]


async def test_a_spool_that_cannot_be_written_is_reported_and_work_goes_on(host: RunningHost, tmp_path: Path) -> None:
    async with bench(host, tmp_path) as desk:
        capture = desk.take()
        desk.session.submit(capture)
        await desk.until("capture", state="uploaded")
        desk.spool._journal.rows("DROP TABLE answers")
        assert (await desk.until("error"))["code"] == "storage_full"


async def test_everything_may_be_called_before_and_after_the_run(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    async def nowhere() -> tuple[str, str]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    with Spool(tmp_path / "spool") as spool:
        async with HostClient(nowhere) as client:
            session = Session(PHONE, spool, client, prompt=PROMPT, on_event=heard.append)
            desk = Bench(spool, client, backlog=False)
            session.submit(desk.take())
            with session.subscribe() as viewer:
                session.pause(paused=True)
                assert heard == []
                async with asyncio.TaskGroup() as group:
                    work = group.create_task(session.run())
                    await asyncio.sleep(0)
                    work.cancel()
                session.pause(paused=False)
                shown = await read(viewer)

    assert [event["event"] for event in heard] == ["capture", "device"]
    assert [event["type"] for event in shown] == ["bridge:session.ready", "bridge:pause", "bridge:pause"]


def ask(text: str, sha256: str) -> str:
    part = f'{{"type":"input_image","file_id":"cap_{sha256}"}},{{"type":"input_text","text":"{text}"}}'
    return f'{{"type":"response.create","input":[{{"role":"user","content":[{part}]}}]}}'


async def read(viewer: Viewer, until: str = "") -> list[Any]:
    """Everything there is to see now; with `until`, up to the first event of this type."""
    seen = list(viewer._outbox.take())
    async with asyncio.timeout(20):
        while until and until not in [event["type"] for event in seen]:
            viewer._wake.clear()
            await viewer._wake.wait()
            seen += viewer._outbox.take()
    return seen
