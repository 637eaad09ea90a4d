"""Structured answers and places, through the service: unwrapped on the way, checked at the end, honest on failure."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from host_server.core.question import AnswerForm
from host_server.service import Answer, Service
from host_server.wire.request import parse_create
from host_server.wire.response import Json
from tests.support.scripted_engine import ScriptedEngine

SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
FORMAT = {"type": "json_schema", "name": "Receipt", "schema": SCHEMA, "strict": True, "description": "A receipt."}


async def _asked(service: Service, text_format: Json | None = FORMAT, **fields: Any) -> Answer:
    text = {} if text_format is None else {"text": {"format": text_format}}
    return await service.ask("admin", parse_create({"input": "Read it.", **text, **fields}))


async def _events(answer: Answer) -> list[Json]:
    async with asyncio.timeout(5), aclosing(answer.follow()) as batches:
        return [event async for batch in batches for event in batch]


async def _end(answer: Answer) -> Json:
    response: Json = (await _events(answer))[-1]["response"]
    return response


def _text(response: Json) -> str:
    return str(response["output"][0]["content"][0]["text"])


async def test_an_answer_that_fits_its_schema_is_complete_and_the_engine_knew_the_schema(
    service: Service, engine: ScriptedEngine
) -> None:
    engine.finish('{"to', 'tal": 4}')

    response = await _end(await _asked(service))

    assert (response["status"], json.loads(_text(response))) == ("completed", {"total": 4})
    assert response["text"]["format"] == FORMAT
    assert engine.questions[0].form == AnswerForm("Receipt", SCHEMA, "A receipt.")


async def test_one_fence_around_it_never_reaches_the_client(service: Service, engine: ScriptedEngine) -> None:
    engine.finish("``", "`json\n", '{"total": 4}', "\n`", "``\n")
    answer = await _asked(service)

    events = await _events(answer)

    assert "".join(event["delta"] for event in events if "delta" in event) == '{"total": 4}'
    assert events[-1]["type"] == "response.completed"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("The total is 4.", "The answer is no JSON"),
        ('{"total": "4"}', "The answer does not fit its schema at $.total: '4' is not of type 'integer'"),
        ('{"total": 4} I hope this helps.', "The answer is no JSON: Extra data"),
        ("", "The answer is no JSON"),
    ],
)
async def test_an_answer_that_does_not_fit_fails_with_its_text_readable(
    service: Service, engine: ScriptedEngine, said: str, why: str
) -> None:
    engine.finish(*([said] if said else []))

    response = await _end(await _asked(service))

    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert (response["error"]["reason"], response["error"]["retryable"]) == ("output_invalid", False)
    assert response["error"]["message"].startswith(why)
    assert [_text(response)] == [said] if said else response["output"] == []


async def test_an_object_of_any_kind_may_be_asked_for(service: Service, engine: ScriptedEngine) -> None:
    engine.finish('{"a": 1}')
    engine.finish("[1]")

    first, second = await _asked(service, {"type": "json_object"}), await _asked(service, {"type": "json_object"})

    assert ((await _end(first))["status"], (await _end(second))["status"]) == ("completed", "failed")
    assert engine.questions[0].form == AnswerForm()


async def test_an_answer_that_was_cut_is_told_as_cut_not_as_bad_json(service: Service, engine: ScriptedEngine) -> None:
    engine.say('```json\n{"tot', cut=True)

    response = await _end(await _asked(service))

    assert (response["status"], _text(response)) == ("incomplete", '{"tot')


async def test_what_was_held_back_is_written_when_the_engine_breaks_off(
    service: Service, engine: ScriptedEngine
) -> None:
    engine.say("It is <|begin_of")
    engine.fail(RuntimeError("broken"))

    response = await _end(await _asked(service, None))

    assert (response["status"], _text(response)) == ("failed", "It is <|begin_of")


async def test_a_warm_up_is_not_held_to_the_form(service: Service, engine: ScriptedEngine) -> None:
    response = await _end(await _asked(service, generate=False))

    assert response["status"] == "completed"


async def test_places_are_annotations_before_the_text_is_done_and_in_the_answer(
    service: Service, engine: ScriptedEngine
) -> None:
    engine.finish("Tap <|begin_of_box|>[[52,310,401,", "377]]<|end_of_box|>, not [1,2,3,4].")
    answer = await _asked(service, None)

    events = await _events(answer)

    box = {"type": "bridge:box", "box": [52, 310, 401, 377], "label": None, "start_index": 5, "end_index": 21}
    kinds = [event["type"] for event in events]
    added = kinds.index("response.output_text.annotation.added")
    assert kinds[added + 1] == "response.output_text.done"
    assert (events[added]["annotation_index"], events[added]["annotation"]) == (0, box)
    assert kinds.count("response.output_text.annotation.added") == 1
    part = events[-1]["response"]["output"][0]["content"][0]
    assert (part["text"], part["annotations"]) == ("Tap [[52,310,401,377]], not [1,2,3,4].", [box])


async def test_places_in_json_keep_their_labels(service: Service, engine: ScriptedEngine) -> None:
    engine.finish('{"total": 4, "where": {"label": "Total", "bbox_2d": [1, 2, 3, 4]}}')

    response = await _end(await _asked(service))

    (box,) = response["output"][0]["content"][0]["annotations"]
    assert (box["label"], box["box"]) == ("Total", [1, 2, 3, 4])
