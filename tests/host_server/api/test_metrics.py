"""`/metrics` as Prometheus reads it: what happened is counted, and nobody's words or names stand in it."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from host_server.engines.base import EngineError, Report
from host_server.service import Limits
from tests.support.host_in_loop import Serving, serving
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

LABELS = ("model", "class", "outcome", "code", "step", "reason", "state", "kind")
Samples = dict[tuple[str, str], float]


async def _samples(host: Serving) -> Samples:
    async with host.client() as client:
        told = await client.get("/metrics")
    assert told.status_code == 200
    assert told.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, ",".join(sample.labels[name] for name in LABELS if name in sample.labels)): sample.value
        for family in text_string_to_metric_families(told.text)
        for sample in family.samples
    }


async def _asked(host: Serving, **fields: Any) -> dict[str, Any]:
    async with host.client() as client:
        answer: dict[str, Any] = (await client.post("/v1/responses", json={"input": "hello", **fields})).json()
    return answer


async def test_what_is_counted_begins_at_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, ScriptedEngine()) as host:
        await until(lambda: not host.service.reasons())
        samples = await _samples(host)

    for name in (
        "bridge_requests_total:script,interactive,ok,",
        "bridge_time_to_first_token_seconds_count:script,batch",
        "bridge_inter_token_latency_seconds_count:script",
        "bridge_e2e_request_latency_seconds_count:script,interactive",
        "bridge_request_queue_time_seconds_count:script,interactive",
        "bridge_request_prefill_time_seconds_count:script",
        "bridge_request_decode_time_seconds_count:script",
        "bridge_image_preprocess_seconds_count:script",
        "bridge_prompt_tokens_total:script",
        "bridge_generation_tokens_total:script",
        "bridge_prefix_cache_queries_total:script",
        "bridge_prefix_cache_hits_total:script",
        "bridge_answer_cache_hits_total:script",
        "bridge_degraded_total:script,smaller_picture",
        "bridge_degraded_total:script,greedy_shorter",
        "bridge_degraded_total:script,stock_text",
        "bridge_model_load_failures_total:script",
        "bridge_engine_restarts_total:script,died",
        "bridge_num_requests_running:script",
        "bridge_num_requests_waiting:script,batch",
        "bridge_engine_state:script,loading",
    ):
        family, _, labels = name.partition(":")
        assert samples[family, labels] == 0, name
    assert samples["bridge_engine_state", "script,ready"] == 1
    assert samples["process_resident_memory_bytes", ""] > 0


async def test_an_answer_is_counted_with_what_the_engine_says_it_cost(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    report = Report(input_tokens=900, output_tokens=3, image_tokens=800, cached_tokens=700, waited_s=0.1, prefill_s=0.2)
    async with serving(tmp_path, engine) as host:
        engine.say("It ", "is ")
        engine.report("42", report)
        response = await _asked(host)
        samples = await _samples(host)

    assert response["usage"]["input_tokens_details"]["cached_tokens"] == 700
    assert samples["bridge_requests_total", "script,interactive,ok,"] == 1
    assert samples["bridge_time_to_first_token_seconds_count", "script,interactive"] == 1
    assert samples["bridge_inter_token_latency_seconds_count", "script"] == 2
    assert samples["bridge_prompt_tokens_total", "script"] == 900
    assert samples["bridge_generation_tokens_total", "script"] == 3
    assert samples["bridge_prefix_cache_queries_total", "script"] == 900
    assert samples["bridge_prefix_cache_hits_total", "script"] == 700
    assert samples["bridge_request_prefill_time_seconds_sum", "script"] == pytest.approx(0.2)


async def test_ends_are_told_apart(tmp_path: Path) -> None:
    engine = ScriptedEngine(lanes=1)
    async with serving(tmp_path, engine, limits=Limits(max_waiting=1)) as host, asyncio.TaskGroup() as group:
        engine.fail(EngineError("It broke."))
        await _asked(host)
        engine.fail(ZeroDivisionError())
        await _asked(host)
        running = group.create_task(_asked(host, metadata={"timeout_ms": "3000"}))
        await engine.asked(3)
        late = group.create_task(_asked(host, service_tier="flex", metadata={"timeout_ms": "400"}))
        waiting = group.create_task(_asked(host))
        await until(lambda: host.service.queue["waiting"] == 2)
        during = await _samples(host)
        assert (await _asked(host))["error"]["code"] == "queue_full"
        await _asked(host, model="gpt-9")
        await late
        engine.finish("yes")
        await running
        engine.finish("yes")
        await waiting
        samples = await _samples(host)

    assert during["bridge_num_requests_running", "script"] == 1
    assert during["bridge_num_requests_waiting", "script,interactive"] == 1
    assert during["bridge_num_requests_waiting", "script,batch"] == 1
    requests = {labels: count for (name, labels), count in samples.items() if name == "bridge_requests_total"}
    assert requests == {
        ",interactive,rejected,model_not_found": 1,
        "script,batch,ok,": 0,
        "script,batch,rejected,deadline_exceeded_in_queue": 1,
        "script,interactive,error,engine_unavailable": 1,
        "script,interactive,error,internal": 1,
        "script,interactive,ok,": 2,
        "script,interactive,rejected,queue_full": 1,
    }


async def test_nothing_of_a_question_or_of_who_asks_stands_there(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    async with serving(tmp_path, engine) as host:
        engine.finish("the answer")
        await _asked(host, input="the question", metadata={"device_id": "phone-7", "class": "strange"})
        await _asked(host, model="the-model-of-somebody")
        async with host.client() as client:
            text = (await client.get("/metrics")).text

    assert not re.search(r"the answer|the question|phone-7|strange|of-somebody|admin", text)
