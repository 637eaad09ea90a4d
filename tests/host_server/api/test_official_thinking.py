"""The official `openai` client, asking in both APIs an engine that thinks and counts: all of it is read strictly."""

import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

from host_server.engines.base import Report
from tests.support.host_in_loop import Serving
from tests.support.scripted_engine import ScriptedEngine

openai = pytest.importorskip("openai", reason="the openai package is not installed")

COST = Report(input_tokens=812, output_tokens=6, image_tokens=780, cached_tokens=800, reasoning_tokens=2)
MESSAGES: Any = [{"role": "user", "content": "What is the total?"}]


@pytest.fixture
async def client(served: Serving, engine: ScriptedEngine) -> AsyncIterator[Any]:
    """Of an engine that has already thought, answered and counted, twice."""
    for _ in range(2):
        engine.think("40 ", "plus 2")
        engine.say("4")
        engine.report("2", COST)
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key=served.token, max_retries=0) as client:
        yield client


def _strict(thing: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        type(thing).model_validate(thing.to_dict(mode="json"))


async def test_a_response_has_its_thoughts_as_an_item_of_their_own(client: Any) -> None:
    whole = await client.responses.create(input="What is the total?", reasoning={"effort": "high"})
    events = [event async for event in await client.responses.create(input="What is the total?", stream=True)]
    final = events[-1].response

    for thing in (whole, *events):
        _strict(thing)
    for response in (whole, final):
        assert [item.type for item in response.output] == ["reasoning", "message"]
        assert response.output[0].content[0].text == "40 plus 2"
        assert response.output_text == "42"
        assert response.usage.input_tokens_details.cached_tokens == 800
        assert response.usage.output_tokens_details.reasoning_tokens == 2
        assert response.metrics["cached_tokens"] == 800
    thoughts = [event for event in events if event.type == "response.reasoning_text.delta"]
    assert "".join(event.delta for event in thoughts) == "40 plus 2"
    assert {event.output_index for event in thoughts} == {0}
    assert {event.output_index for event in events if event.type == "response.output_text.delta"} == {1}


async def test_the_stream_helper_of_responses_reads_thoughts(client: Any) -> None:
    async with client.responses.stream(model="script", input="What is the total?") as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()

    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 2
    assert final.output_text == "42"


async def test_a_completion_has_its_thoughts_beside_the_answer(client: Any) -> None:
    whole = await client.chat.completions.create(model="script", messages=MESSAGES, reasoning_effort="high")
    options = {"include_usage": True}
    stream = await client.chat.completions.create(
        model="script", messages=MESSAGES, stream=True, stream_options=options
    )
    chunks = [chunk async for chunk in stream]

    for thing in (whole, *chunks):
        _strict(thing)
    message = whole.choices[0].message
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert (message.content, message.reasoning_content) == ("42", "40 plus 2")
    assert "".join(delta.content or "" for delta in deltas) == "42"
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas) == "40 plus 2"
    for usage in (whole.usage, chunks[-1].usage):
        assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (812, 800)
        assert usage.completion_tokens_details.reasoning_tokens == 2
