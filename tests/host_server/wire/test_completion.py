"""Chat completions on their way out: golden, strict by the official client's types, and the same words as the answer.

`LENSBRIDGE_WRITE_GOLDEN=1` writes the golden files afresh; read the difference before committing it.
"""

import json
import os
import warnings
from pathlib import Path

import pytest

from host_server.wire.completion import Chunks, completion
from host_server.wire.errors import WireError
from host_server.wire.response import usage
from tests.support.answers import answer, timings, writer_for
from tests.support.chats import CHATS, chunks, whole

GOLDEN = Path(__file__).parents[2] / "golden" / "chat"
_SPOKEN = [scenario for scenario in CHATS if scenario != "failed"]


@pytest.mark.parametrize("scenario", CHATS)
def test_a_completion_is_written_as_the_golden_file_says(scenario: str) -> None:
    told = {"request": CHATS[scenario], "chunks": chunks(scenario), "completion": whole(scenario)}
    path = GOLDEN / f"{scenario}.json"
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("LENSBRIDGE_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("scenario", _SPOKEN)
def test_the_official_client_takes_every_chunk_strictly(scenario: str) -> None:
    pytest.importorskip("openai", reason="the openai package is not installed")
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for chunk in chunks(scenario):
            parsed = ChatCompletionChunk.model_validate(chunk)
            assert parsed.model_dump(mode="json", exclude_unset=True) == chunk
        whole_one = whole(scenario)
        assert ChatCompletion.model_validate(whole_one).model_dump(mode="json", exclude_unset=True) == whole_one


@pytest.mark.parametrize("scenario", _SPOKEN)
def test_chunks_join_to_the_whole(scenario: str) -> None:
    told = chunks(scenario)
    choices = [choice for chunk in told for choice in chunk["choices"]]
    message = whole(scenario)["choices"][0]["message"]

    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(choice["delta"].get("content", "") for choice in choices) == message["content"]
    for name in ("reasoning_content", "reasoning"):
        assert "".join(choice["delta"].get(name, "") for choice in choices) == message.get(name, "")
    assert [choice["finish_reason"] for choice in choices[:-1]] == [None] * (len(choices) - 1)
    assert choices[-1]["finish_reason"] == whole(scenario)["choices"][0]["finish_reason"]
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in told}) == 1


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("plain", "stop"),
        ("reasoning", "stop"),
        ("incomplete", "length"),
        ("cancelled", "length"),
        ("declined", "length"),
    ],
)
def test_how_it_ended_is_told(scenario: str, reason: str) -> None:
    assert whole(scenario)["choices"][0]["finish_reason"] == reason


def test_a_filter_is_told() -> None:
    writer = writer_for("plain")
    events = [*writer.created(), *writer.started()]
    cost = usage(input_tokens=1, output_tokens=1)
    events += writer.cut("content_filter", usage=cost, metrics=timings(0))
    response = events[-1]["response"]

    assert completion(response)["choices"][0]["finish_reason"] == "content_filter"


def test_the_cost_comes_last_and_only_when_asked_for() -> None:
    asked, not_asked = chunks("again"), chunks("plain")

    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 800
    assert asked[-1]["usage"]["prompt_tokens"] == 820
    assert all(chunk["usage"] is None for chunk in asked[:-1])
    assert not any("usage" in chunk for chunk in not_asked)
    assert whole("reasoning")["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}


def test_what_was_left_out_comes_along() -> None:
    last = [chunk for chunk in chunks("image") if chunk["choices"]][-1]

    assert (last["degraded"], last["metrics"]["degraded"]) == (["smaller_picture"], ["smaller_picture"])
    assert whole("cancelled")["cancelled_by"] == "client"
    assert whole("declined").items() >= {"degraded": ["stock_text"], "retryable": True, "retry_after_ms": 4000}.items()


def test_a_failure_is_told_as_the_refusal_it_would_have_been() -> None:
    *_, last = chunks("failed")

    assert last == whole("failed")
    assert (last["error"]["code"], last["error"]["retryable"]) == ("engine_restarted", True)
    assert last["error"]["retry_after_ms"] == 2000


def test_an_answer_that_ended_in_the_queue_has_an_error_or_cost_nothing() -> None:
    late, gone = writer_for("plain"), writer_for("plain")
    made = Chunks(include_usage=True)
    failed = [*late.created(queued=True), *late.failed(WireError("deadline_exceeded_in_queue", "late"))]
    cancelled = [*gone.created(queued=True), *gone.cancelled("disconnect")]

    told = [chunk for event in failed for chunk in made.of(event)]
    assert told[-1]["error"]["code"] == "deadline_exceeded_in_queue"
    assert completion(cancelled[-1]["response"])["usage"]["total_tokens"] == 0


def test_most_events_say_nothing() -> None:
    made = Chunks(include_usage=False)
    told = {event["type"]: made.of(event) for event in answer("loading")}

    assert sorted(kind for kind, chunk in told.items() if chunk) == [
        "response.completed",
        "response.created",
        "response.output_text.delta",
    ]
