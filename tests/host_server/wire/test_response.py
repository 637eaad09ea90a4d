"""The Response object has every key that a strict client wants."""

from functools import partial

from host_server.wire.response import metrics, new_response, usage

# The required list of Open Responses' ResponseResource schema.
_REQUIRED = (
    "id object created_at completed_at status incomplete_details model previous_response_id instructions output error "
    "tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs "
    "temperature reasoning usage max_output_tokens max_tool_calls store background service_tier metadata "
    "safety_identifier prompt_cache_key"
)


def test_every_required_key_is_there() -> None:
    response = new_response(response_id="resp_1", created_at=1, model="echo")

    assert set(_REQUIRED.split()) <= set(response)


def test_the_metadata_given_is_copied() -> None:
    given = {"a": "b"}
    response = new_response(response_id="resp_1", created_at=1, model="echo", metadata=given)
    given["a"] = "changed"

    assert response["metadata"] == {"a": "b"}


def test_rates_need_two_tokens_and_some_time() -> None:
    timed = partial(metrics, queue_time_ms=1.0, preprocess_ms=2.0, time_to_first_token_ms=3.0)

    many = timed(generation_time_ms=100.0, output_tokens=11)
    assert (many["tokens_per_second"], many["mean_itl_ms"]) == (100, 10)
    assert timed(generation_time_ms=0.0, output_tokens=1)["mean_itl_ms"] is None
    assert timed(generation_time_ms=0.0, output_tokens=2)["tokens_per_second"] is None


def test_tokens_add_up() -> None:
    cost = usage(input_tokens=10, output_tokens=4, cached_tokens=3, image_tokens=2, reasoning_tokens=1)

    assert cost["total_tokens"] == 14
    assert cost["input_tokens_details"] == {"cached_tokens": 3, "cache_write_tokens": 0, "image_tokens": 2}
    assert cost["output_tokens_details"] == {"reasoning_tokens": 1}


def test_what_the_engine_does_not_measure_is_not_made_up() -> None:
    timed = partial(
        metrics,
        queue_time_ms=1.0,
        preprocess_ms=2.0,
        time_to_first_token_ms=None,
        generation_time_ms=0.0,
        output_tokens=0,
    )

    told = timed(engine_wait_ms=1.23456, prefill_ms=20.0, cached_tokens=7, degraded=("smaller_picture",))
    assert (told["engine_wait_ms"], told["prefill_ms"], told["cached_tokens"]) == (1.235, 20, 7)
    assert told["degraded"] == ["smaller_picture"]
    assert [timed()[name] for name in ("engine_wait_ms", "prefill_ms", "cached_tokens", "degraded")] == [
        None,
        None,
        None,
        [],
    ]
