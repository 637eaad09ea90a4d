"""What the engine is told, what it tells of itself, and how that stands in the answer."""

import asyncio
from contextlib import aclosing
from typing import Any

from structlog.testing import capture_logs

from host_server.engines.base import EngineOutOfMemoryError, Report
from host_server.observe.redact import redact
from host_server.service import Answer, Service
from host_server.service.counted import in_short
from host_server.wire.request import parse_create
from host_server.wire.response import Json, usage
from tests.support.scripted_engine import ScriptedEngine

REPORT = Report(
    input_tokens=900,
    output_tokens=7,
    image_tokens=800,
    cached_tokens=850,
    reasoning_tokens=4,
    waited_s=0.5,
    prefill_s=0.25,
)


async def _asked(service: Service, **fields: Any) -> Answer:
    return await service.ask("admin", parse_create({"input": "hello", **fields}))


async def _events(answer: Answer) -> list[Json]:
    async with asyncio.timeout(5), aclosing(answer.follow()) as batches:
        return [event async for batch in batches for event in batch]


async def _end(answer: Answer) -> Json:
    response: Json = (await _events(answer))[-1]["response"]
    return response


async def test_the_engine_is_told_how_to_answer(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("yes")
    fields = {"temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": ["\n", "END"], "max_output_tokens": 9}
    await _end(await _asked(service, **fields, reasoning={"effort": "high"}, service_tier="flex"))

    (question,) = engine.questions
    assert (question.temperature, question.top_p, question.seed) == (0.5, 0.9, 7)
    assert (question.stop, question.max_output_tokens) == (("\n", "END"), 9)
    assert (question.thinking, question.priority, question.asker) == (True, "batch", "admin")


async def test_what_is_not_said_is_left_to_the_engine(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("yes")
    await _end(await _asked(service))

    (question,) = engine.questions
    assert (question.temperature, question.top_p, question.seed, question.stop) == (None, None, None, ())
    assert (question.thinking, question.priority) == (None, "interactive")


async def test_an_engine_that_counts_is_believed(service: Service, engine: ScriptedEngine) -> None:
    engine.say("It ", "is ")
    engine.report("42.", REPORT)

    response = await _end(await _asked(service))

    assert response["usage"] == {
        "input_tokens": 900,
        "input_tokens_details": {"cached_tokens": 850, "cache_write_tokens": 0, "image_tokens": 800},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 907,
    }
    measured = [response["metrics"][name] for name in ("engine_wait_ms", "prefill_ms", "cached_tokens")]
    assert measured == [500, 250, 850]


async def test_the_log_says_how_an_answer_ended_and_no_word_of_it(service: Service, engine: ScriptedEngine) -> None:
    engine.say("It ", "is ")
    engine.report("42.", REPORT)
    with capture_logs() as lines:
        await _end(await _asked(service))
        engine.fail(EngineOutOfMemoryError("There was no memory."))
        await _end(await _asked(service))

    good, bad = (line for line in lines if line["event"] == "ended")
    assert {"status": "completed", "prompt": 900, "cached": 850, "output": 7}.items() <= good.items()
    assert "first_ms" in good
    assert bad["reason"] == "engine_oom"
    assert "42." not in str(lines)
    assert "hello" not in str(lines)


def test_what_is_not_known_of_an_answer_is_not_told() -> None:
    everything = in_short(
        {
            "status": "completed",
            "usage": usage(input_tokens=9, output_tokens=7),
            "metrics": {"cache": "hit", "queue_time_ms": 0.4},
        }
    )
    assert redact(everything) == everything, "none of it is masked"
    assert in_short({"status": "failed", "usage": None, "error": None}) == {"status": "failed"}
    assert in_short(
        {"status": "completed", "metrics": {"cache": "hit", "queue_time_ms": 0.4}, "degraded": ["smaller_picture"]}
    ) == {"status": "completed", "queue_ms": 0, "known": True, "degraded": "smaller_picture"}


async def test_an_engine_that_does_not_count_has_its_pieces_counted(service: Service, engine: ScriptedEngine) -> None:
    engine.think("hm ")
    engine.finish("It ", "is.")

    response = await _end(await _asked(service))

    assert response["usage"]["input_tokens"] == 2  # four characters each
    assert response["usage"]["output_tokens"] == 3
    assert response["usage"]["output_tokens_details"]["reasoning_tokens"] == 1
    assert response["metrics"]["engine_wait_ms"] is None


async def test_a_last_piece_may_bring_nothing_but_its_report(service: Service, engine: ScriptedEngine) -> None:
    engine.say("yes")
    engine.report("", REPORT)
    answer = await _asked(service)

    events = await _events(answer)

    assert [event["delta"] for event in events if "delta" in event] == ["yes"]
    assert events[-1]["response"]["usage"]["input_tokens"] == 900


async def test_an_answer_that_is_cut_tells_what_it_cost(service: Service, engine: ScriptedEngine) -> None:
    engine.report("It", REPORT, cut=True)

    response = await _end(await _asked(service, max_output_tokens=1))

    assert (response["status"], response["usage"]["output_tokens"]) == ("incomplete", 7)


async def test_a_question_that_never_came_to_the_engine_cost_nothing(service: Service, engine: ScriptedEngine) -> None:
    await _asked(service)
    waiting = await _asked(service)
    waiting.cancel("client")

    assert (await _end(waiting))["usage"] is None


async def test_thoughts_come_apart_from_the_answer(service: Service, engine: ScriptedEngine) -> None:
    engine.think("Let me ", "see [[1,2,3,4]].")
    engine.finish("It is ", "42.")
    answer = await _asked(service)

    events = await _events(answer)

    thoughts = [event["delta"] for event in events if event["type"] == "response.reasoning_text.delta"]
    words = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert ("".join(thoughts), "".join(words)) == ("Let me see [[1,2,3,4]].", "It is 42.")
    thought, message = events[-1]["response"]["output"]
    assert (thought["type"], message["type"]) == ("reasoning", "message")
    assert message["content"][0]["annotations"] == []


async def test_thoughts_are_no_turn_of_the_conversation(service: Service, engine: ScriptedEngine) -> None:
    engine.think("hm")
    engine.finish("42")
    first = await _asked(service)
    await _end(first)
    engine.finish("Friday")
    await _end(await _asked(service, previous_response_id=first.id))

    assert [turn.text for turn in engine.questions[1].history] == ["hello", "42"]


async def test_endless_thinking_is_cut(service: Service, engine: ScriptedEngine) -> None:
    for _ in range(20):
        engine.think("x" * 100_000)

    response = await _end(await _asked(service))

    assert (response["status"], engine.stopped) == ("incomplete", 1)


async def test_what_a_strange_engine_reports_harms_nobody(service: Service, engine: ScriptedEngine) -> None:
    engine.report("yes", Report(input_tokens=-5, output_tokens=10**400))
    response = await _end(await _asked(service))
    engine.finish("still here")
    again = await _end(await _asked(service))

    assert (response["status"], again["status"]) == ("completed", "completed")
