"""The way of a question: seats, ends, grace, keys, chains. The engine says what the test wants, when it wants it."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from host_server.engines.base import EngineError
from host_server.service import Answer, Care, EngineRoom, Pictures, Service
from host_server.store.blobs import BlobStore
from host_server.wire.errors import WireError
from host_server.wire.request import parse_create
from host_server.wire.response import Json
from tests.support.real_pictures import jpeg
from tests.support.scripted_engine import ScriptedEngine

ME = "admin"
JPEG_URL = "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()


async def _ask(service: Service, text: str = "hello", **fields: Any) -> Answer:
    keys = {name: fields.pop(name) for name in ("key", "connection") if name in fields}
    principal = fields.pop("principal", ME)
    return await service.ask(principal, parse_create({"input": text, **fields}), **keys)


async def _events(answer: Answer, cursor: int = -1) -> list[Json]:
    async with asyncio.timeout(5), aclosing(answer.follow(cursor)) as batches:
        return [event async for batch in batches for event in batch]


async def _end(answer: Answer) -> Json:
    event = (await _events(answer))[-1]
    response: Json = event["response"]
    return response


async def _refused(service: Service, text: str = "hello", **fields: Any) -> WireError:
    with pytest.raises(WireError) as caught:
        await _ask(service, text, **fields)
    return caught.value


async def test_a_question_becomes_an_answer(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("It ", "is ", "42.")
    answer = await _ask(service)

    response = await _end(answer)

    assert (response["status"], response["output"][0]["content"][0]["text"]) == ("completed", "It is 42.")
    assert response["model"] == "script"
    assert response["usage"]["output_tokens"] == 3
    assert response["metrics"]["cache"] == "off"
    assert (service.busy, service.queue) == (0, {"running": 0, "waiting": 0})
    assert service.find(ME, answer.id) is answer


async def test_the_last_words_do_not_wait_for_the_closing_events(service: Service, engine: ScriptedEngine) -> None:
    answer = await _ask(service)
    await engine.asked()
    async with asyncio.timeout(5), aclosing(answer.follow()) as batches:
        seen = [[event["type"] for event in await anext(batches)]]
        engine.finish("the last words")
        seen += [[event["type"] for event in batch] async for batch in batches]

    (words,) = [batch for batch in seen if "response.output_text.delta" in batch]
    assert "response.completed" not in words


async def test_all_who_follow_see_the_same_events_from_wherever_they_start(
    service: Service, engine: ScriptedEngine
) -> None:
    engine.finish("a", "b")
    answer = await _ask(service)
    first = await _events(answer)

    assert await _events(answer, cursor=2) == [event for event in first if event["sequence_number"] > 2]
    assert await _events(answer, cursor=10_000) == []


async def test_the_second_question_waits_for_the_seat_and_is_told_its_place(
    service: Service, engine: ScriptedEngine
) -> None:
    answers = [await _ask(service, text) for text in ("one", "two", "three")]
    await engine.asked(1)
    assert service.queue == {"running": 1, "waiting": 2}

    for text in ("1", "2", "3"):
        engine.finish(text)
    ends = [await _end(answer) for answer in answers]
    third = [event for event in answers[2].log.since() if event["type"] == "response.queued"]

    assert [question.text for question in engine.questions] == ["one", "two", "three"]
    assert [end["output"][0]["content"][0]["text"] for end in ends] == ["1", "2", "3"]
    assert [event["position"] for event in third] == [2, 1]
    assert answers[2].log.since()[0]["response"]["status"] == "queued"


async def test_a_full_queue_refuses_before_anything_is_looked_at(service: Service, engine: ScriptedEngine) -> None:
    for _ in range(3):
        await _ask(service)

    error = await _refused(
        service, input=[{"role": "user", "content": [{"type": "input_image", "image_url": "nonsense"}]}]
    )

    assert error.code == "queue_full"
    assert error.retry_after_ms is not None
    assert "queue full" in service.reasons()


async def test_engines_have_seats_of_their_own(service: Service, engine: ScriptedEngine) -> None:
    await _ask(service)
    other = await _ask(service, model="other")

    assert other.log.since()[0]["response"]["status"] == "in_progress"


async def test_cancel_stops_the_engine_and_ends_the_answer(service: Service, engine: ScriptedEngine) -> None:
    engine.say("half ")
    answer = await _ask(service)
    await engine.asked()
    async with aclosing(answer.follow()) as batches:
        async for batch in batches:
            if any(event["type"] == "response.output_text.delta" for event in batch):
                break
        answer.cancel("client")
        answer.cancel("client")
    response = await _end(answer)

    assert (response["status"], response["incomplete_details"], response["cancelled_by"]) == (
        "cancelled",
        {"reason": None},
        "client",
    )
    assert response["output"][0]["status"] == "incomplete"
    assert engine.stopped == 1
    assert service.queue["running"] == 0


async def test_an_answer_can_be_cancelled_before_it_has_begun(service: Service) -> None:
    answer = await _ask(service)
    answer.cancel("client")

    assert (await _end(answer))["status"] == "cancelled"
    assert service.queue["running"] == 0


async def test_a_question_cancelled_in_the_queue_gives_its_place_up(service: Service, engine: ScriptedEngine) -> None:
    await _ask(service)
    waiting = await _ask(service)
    await asyncio.sleep(0)
    waiting.cancel("client")

    assert (await _end(waiting))["status"] == "cancelled"
    assert service.queue["waiting"] == 0
    assert len(engine.questions) <= 1


async def test_cancelling_what_has_ended_changes_nothing(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("done")
    answer = await _ask(service)
    await _end(answer)
    answer.cancel("client")

    assert answer.response()["status"] == "completed"


async def test_an_answer_that_nobody_follows_is_cancelled_after_the_grace_time(
    service: Service, engine: ScriptedEngine
) -> None:
    answer = await _ask(service)
    await engine.asked()
    async with aclosing(answer.follow()) as batches:
        await anext(batches)
        await asyncio.sleep(2 * service.limits.grace_s)
        assert answer.cancelled_by is None

    async with asyncio.timeout(5):
        await engine.has_stopped()
    assert (await _end(answer))["cancelled_by"] == "disconnect"


async def test_a_follower_who_comes_back_in_time_keeps_it_running(service: Service, engine: ScriptedEngine) -> None:
    answer = await _ask(service)
    async with aclosing(answer.follow()) as batches:
        await anext(batches)
    engine.finish("still here")

    assert (await _end(answer))["status"] == "completed"


async def test_an_answer_that_is_not_stored_ends_with_its_follower(service: Service, engine: ScriptedEngine) -> None:
    answer = await _ask(service, store=False, connection="s1")
    await engine.asked()
    async with aclosing(answer.follow()) as batches:
        await anext(batches)

    assert (await _end(answer))["cancelled_by"] == "disconnect"


async def test_an_answer_that_is_not_stored_is_known_to_its_socket_only(
    service: Service, engine: ScriptedEngine
) -> None:
    engine.finish("secret")
    answer = await _ask(service, store=False, connection="s1")
    await _end(answer)

    assert service.find(ME, answer.id, connection="s1") is answer
    for connection in ("s2", None):
        with pytest.raises(WireError, match="No such answer"):
            service.find(ME, answer.id, connection=connection)
    assert (await _refused(service, previous_response_id=answer.id)).code == "previous_response_not_found"
    engine.finish("again")
    again = await _ask(service, previous_response_id=answer.id, connection="s1")
    assert (await _end(again))["status"] == "completed"


async def test_nobody_sees_the_answers_of_somebody_else(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("mine")
    answer = await _ask(service)
    await _end(answer)

    with pytest.raises(WireError):
        service.find("brk_00000000", answer.id)
    error = await _refused(service, principal="brk_00000000", previous_response_id=answer.id)
    assert error.code == "previous_response_not_found"


async def test_a_deadline_in_the_queue_is_said_to_be_one(service: Service, engine: ScriptedEngine) -> None:
    await _ask(service)
    late = await _ask(service, metadata={"timeout_ms": "20"})

    response = await _end(late)

    assert (response["status"], response["error"]["reason"]) == ("failed", "deadline_exceeded_in_queue")
    assert response["error"]["retryable"] is True


async def test_a_deadline_while_it_speaks_cuts_the_answer(service: Service, engine: ScriptedEngine) -> None:
    engine.say("half ")
    response = await _end(await _ask(service, metadata={"timeout_ms": "50"}))

    assert (response["status"], response["cancelled_by"]) == ("cancelled", "deadline")
    assert response["output"][0]["content"][0]["text"] == "half "
    assert engine.stopped == 1


@pytest.mark.parametrize("text", ["", "-1", "0", "soon", "１０", "9" * 40])
async def test_a_senseless_deadline_is_none(service: Service, engine: ScriptedEngine, text: str) -> None:
    engine.finish("fine")

    assert (await _end(await _ask(service, metadata={"timeout_ms": text})))["status"] == "completed"


async def test_what_an_engine_cannot_do_fails_the_answer_in_its_words(service: Service, engine: ScriptedEngine) -> None:
    engine.say("half ")
    engine.fail(EngineError("The picture is upside down.", hint="Turn it."))

    response = await _end(await _ask(service))

    assert response["error"] == {
        "code": "server_error",
        "message": "The picture is upside down.",
        "reason": "engine_unavailable",
        "retryable": True,
        "retry_after_ms": 2000,
    }
    assert response["output"][0]["content"][0]["text"] == "half "


async def test_a_broken_engine_fails_the_answer_without_telling_its_secrets(
    service: Service, engine: ScriptedEngine
) -> None:
    engine.fail(ZeroDivisionError("at /home/somebody/secret.py"))
    response = await _end(await _ask(service))

    assert response["error"]["reason"] == "internal"
    assert "secret" not in response["error"]["message"]
    engine.finish("works again")
    assert (await _end(await _ask(service)))["status"] == "completed"


async def test_an_answer_cut_by_its_limit_says_so(service: Service, engine: ScriptedEngine) -> None:
    engine.say("It ", "is", cut=True)
    response = await _end(await _ask(service, max_output_tokens=2))

    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert engine.stopped == 1


async def test_an_endless_answer_is_cut(service: Service, engine: ScriptedEngine) -> None:
    for _ in range(20):
        engine.say("x" * 100_000)
    response = await _end(await _ask(service))

    assert (response["status"], engine.stopped) == ("incomplete", 1)
    assert len(response["output"][0]["content"][0]["text"]) == 1_000_000


async def test_the_same_key_is_the_same_answer(service: Service, engine: ScriptedEngine) -> None:
    first = await _ask(service, metadata={"idempotency_key": "k"})
    second = await _ask(service, metadata={"idempotency_key": "k"}, stream=True, stream_id="lane", event_id="c9")
    by_header = await _ask(service, metadata={"idempotency_key": "k"}, key="k")

    assert first is second is by_header
    error = await _refused(service, "another", metadata={"idempotency_key": "k"})
    assert (error.code, error.row.status) == ("idempotency_key_reused", 409)
    assert (await _ask(service, metadata={"idempotency_key": "k"}, principal="b")).id != first.id


async def test_what_is_unknown_here_makes_no_other_question(service: Service) -> None:
    bottomless: Any = "x"
    for _ in range(900):
        bottomless = [bottomless]

    first = await _ask(service, metadata={"idempotency_key": "k"})

    assert await _ask(service, metadata={"idempotency_key": "k"}, unknown=bottomless) is first


async def test_the_same_key_asked_at_the_same_moment_is_the_same_answer(
    service: Service, engine: ScriptedEngine
) -> None:
    picture = [{"role": "user", "content": [{"type": "input_image", "image_url": JPEG_URL}]}]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_ask(service, input=picture, key="k")) for _ in range(4)]

    assert len({task.result().id for task in tasks}) == 1


async def test_a_refused_question_leaves_its_key_and_its_seat_free(service: Service, engine: ScriptedEngine) -> None:
    bad = [{"role": "user", "content": [{"type": "input_image", "file_id": "cap_" + "0" * 64}]}]
    assert (await _refused(service, input=bad, key="k")).code == "capture_not_found"
    engine.finish("fine")

    assert (await _end(await _ask(service, key="k")))["status"] == "completed"


async def test_another_question_about_the_same_picture(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("42")
    content = [{"type": "input_image", "image_url": JPEG_URL}, {"type": "input_text", "text": "total?"}]
    first = await _ask(service, input=[{"role": "user", "content": content}])
    await _end(first)
    engine.finish("Friday")
    await _end(await _ask(service, "date?", previous_response_id=first.id))

    before, after = engine.questions
    assert (after.text, [turn.text for turn in after.history]) == ("date?", ["total?", "42"])
    assert after.pictures == before.pictures
    assert len(before.pictures) == 1


async def test_a_chain_needs_an_answer_that_has_ended(service: Service) -> None:
    running = await _ask(service)

    assert (await _refused(service, previous_response_id=running.id)).code == "previous_response_not_found"


async def test_a_picture_deleted_in_between_fails_the_answer_politely(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("42")
    picture = [{"role": "user", "content": [{"type": "input_image", "image_url": JPEG_URL}]}]
    first = await _ask(service, input=picture)
    await _end(first)
    (prepared,) = engine.questions[0].pictures
    assert await service.pictures.delete(ME, prepared.sha256)

    response = await _end(await _ask(service, "date?", previous_response_id=first.id))

    assert (response["error"]["code"], response["error"]["reason"]) == ("image_file_not_found", "capture_not_found")


@pytest.mark.parametrize("left", [None, b"", b"\0" * 500])
async def test_a_picture_that_was_damaged_on_the_disk_can_be_brought_again(
    service: Service, engine: ScriptedEngine, tmp_path: Path, left: bytes | None
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield jpeg()

    sha256 = hashlib.sha256(jpeg()).hexdigest()
    picture = [{"role": "user", "content": [{"type": "input_image", "file_id": f"cap_{sha256}"}]}]
    await service.pictures.receive(ME, sha256, body())
    kept = tmp_path / "blobs" / ME / sha256
    if left is None:
        kept.unlink()
    else:
        kept.write_bytes(left)

    response = await _end(await _ask(service, input=picture))

    assert response["error"]["reason"] == "capture_not_found"
    assert service.pictures.size(ME, sha256) is None
    await service.pictures.receive(ME, sha256, body())
    engine.finish("42")
    assert (await _end(await _ask(service, input=picture)))["status"] == "completed"


async def test_a_picture_is_kept_while_an_answer_looks_at_it(service: Service, engine: ScriptedEngine) -> None:
    picture = [{"role": "user", "content": [{"type": "input_image", "image_url": JPEG_URL}]}]
    answer = await _ask(service, input=picture)
    await engine.asked()
    sha256 = engine.questions[0].pictures[0].sha256

    with pytest.raises(WireError) as caught:
        await service.pictures.delete(ME, sha256)
    assert caught.value.code == "capture_in_use"
    engine.finish("done")
    await _end(answer)
    assert await service.pictures.delete(ME, sha256)


async def test_warming_a_picture_up_prepares_it_and_says_nothing(service: Service, engine: ScriptedEngine) -> None:
    picture = [{"role": "user", "content": [{"type": "input_image", "image_url": JPEG_URL}]}]
    response = await _end(await _ask(service, input=picture, generate=False))

    assert (response["status"], response["output"], engine.questions) == ("completed", [], [])


async def test_a_deleted_answer_is_gone_and_stopped(service: Service, engine: ScriptedEngine) -> None:
    answer = await _ask(service, key="k")
    await engine.asked()
    service.delete(ME, answer.id)

    assert (await _end(answer))["status"] == "cancelled"
    with pytest.raises(WireError):
        service.find(ME, answer.id)
    engine.finish("new")
    assert (await _ask(service, key="k")).id != answer.id


async def test_old_answers_make_room_for_new_ones(service: Service, engine: ScriptedEngine) -> None:
    answers: list[Answer] = []
    for number in range(6):
        engine.finish(str(number))
        answers.append(await _ask(service))
        await _end(answers[-1])
    await asyncio.sleep(0)

    known = [answer for answer in answers if service._known.get(answer.id)]
    assert known == answers[2:]


async def test_draining_refuses_the_new_and_lets_the_running_end(service: Service, engine: ScriptedEngine) -> None:
    running = await _ask(service)
    service.drain()

    assert (await _refused(service)).code == "server_draining"
    assert "draining" in service.reasons()
    engine.finish("done")
    assert (await _end(running))["status"] == "completed"


async def test_the_end_of_the_host_is_the_end_of_its_answers(tmp_path: Any) -> None:
    engine = ScriptedEngine()
    service = Service(EngineRoom([engine]), Pictures(BlobStore(tmp_path / "blobs", quota=1000)))
    assert (await _refused(service)).code == "server_draining"
    async with service.running():
        answers = [await _ask(service) for _ in range(2)]
        await engine.asked()

    assert [answer.response()["error"]["reason"] for answer in answers] == ["server_draining"] * 2
    assert (engine.closed, engine.stopped, service.busy) == (1, 1, 0)


async def test_a_model_that_is_not_here_is_named(service: Service) -> None:
    error = await _refused(service, model="gpt-9")

    assert (error.code, error.row.status) == ("model_not_found", 404)
    assert "script" in error.message


async def test_an_engine_that_cannot_be_loaded_is_tried_again_and_refuses_meanwhile(tmp_path: Any) -> None:
    engine = ScriptedEngine()
    engine.load_errors = [EngineError("no model file"), OSError("disk")]
    room = EngineRoom([engine], care=Care(backoff_s=(0.01,)))
    service = Service(room, Pictures(BlobStore(tmp_path / "blobs", quota=1000)))
    assert service.reasons() == ["engine script is loading"]
    async with service.running():
        seen = {room.states["script"]}
        async with asyncio.timeout(5):
            while room.states["script"] != "ready":
                if room.states["script"] == "failed" and "failed" not in seen:
                    assert (await _refused(service)).code == "engine_unavailable"
                seen.add(room.states["script"])
                await asyncio.sleep(0)
        assert "failed" in seen
        assert service.reasons() == []


def test_a_host_needs_an_engine() -> None:
    with pytest.raises(ValueError, match="without an engine"):
        EngineRoom([])


async def test_silence_is_filled_with_beats(service: Service) -> None:
    answer = await _ask(service)
    async with asyncio.timeout(5), aclosing(answer.follow(beat_s=0.01)) as batches:
        async for batch in batches:
            if not batch:
                return
    raise AssertionError


async def test_a_question_whose_picture_is_read_while_the_host_ends_is_refused(
    service: Service, engine: ScriptedEngine
) -> None:
    picture = {"type": "input_image", "image_url": JPEG_URL}
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        asking = group.create_task(_refused(service, input=[{"role": "user", "content": [picture]}]))
        await asyncio.sleep(0)  # it has come to the picture, which is read elsewhere
        service.drain()

    assert asking.result().code == "server_draining"
    assert (service.queue["running"], engine.questions) == (0, [])
