"""What the demo takes for its end, and what is only said on the way."""

from typing import Any

from bridge.virtual.record import DemoSetup, Recorder


def recorder() -> Recorder:
    return Recorder(DemoSetup("What is it?"), lambda _stage: None, lambda _piece: None)


def error(**fields: Any) -> dict[str, Any]:
    return {"event": "error", "code": "x", "message": "said", "hint": ""} | fields


async def test_a_notice_is_no_end() -> None:
    demo = recorder()
    demo.on_event(error(final=False))

    assert not demo.answered.is_set()
    assert demo.result.error == {}


async def test_a_model_that_has_to_be_loaded_first_is_said() -> None:
    demo = recorder()
    demo.on_event({"event": "waiting", "reason": "loading"})

    assert [stage.name for stage in demo.result.stages] == ["the model is loading"]


async def test_a_refusal_is_the_end_and_is_kept() -> None:
    demo = recorder()
    demo.on_event(error(final=True, code="image_decode"))

    assert demo.answered.is_set()
    assert demo.result.error["code"] == "image_decode"
