"""What the host offers, and how it is."""

from tests.support.host_in_loop import Serving
from tests.support.scripted_engine import ScriptedEngine


async def test_a_model_says_what_it_can(served: Serving) -> None:
    async with served.client() as client:
        listed = (await client.get("/v1/models")).json()
        single = (await client.get("/v1/models/script")).json()

    assert listed == {"object": "list", "data": [single]}
    assert single.items() >= {"id": "script", "object": "model", "owned_by": "tests", "takes_images": True}.items()


async def test_a_model_is_found_by_its_real_name_too(served: Serving, engine: ScriptedEngine) -> None:
    engine.finish("yes")
    async with served.client() as client:
        found = (await client.get("/v1/models/script-1")).json()
        answer = await client.post("/v1/responses", json={"model": "script-1", "input": "hello"})

    assert (found["id"], found["answers_with"]) == ("script", "script-1")
    assert (answer.status_code, answer.json()["model"]) == (200, "script")


async def test_a_ready_host_says_so_and_one_that_is_not_says_why(served: Serving, engine: ScriptedEngine) -> None:
    async with served.client() as client:
        ready = await client.get("/health/ready")
        served.service.drain()
        draining = await client.get("/health/ready")
        live = await client.get("/health/live")

    assert ready.json() == {
        "ready": True,
        "reasons": [],
        "version": "test",
        "engines": {"script": "ready"},
        "queue": {"running": 0, "waiting": 0},
        "busy": 0,
    }
    assert (draining.status_code, draining.json()["reasons"]) == (503, ["draining"])
    assert (live.status_code, live.json()) == (200, {"live": True})
