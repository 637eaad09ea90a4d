"""The official client's chat completions, sync and async. Run in its own environment; says `ok` for each check."""

import asyncio
import os
import sys
import time
from itertools import islice
from typing import Any

import openai
from checking import ANSWER, FORM, PICTURE_CHAT, Receipt, completed, counted, refused, strict  # type: ignore[import-not-found]  # beside it, where it runs

FAST: Any = {"base_url": os.environ["FAST_URL"], "api_key": os.environ["FAST_KEY"], "max_retries": 0}
SLOW: Any = {"base_url": os.environ["SLOW_URL"], "api_key": os.environ["SLOW_KEY"], "max_retries": 0}
fast: Any = openai.OpenAI(**FAST)
slow: Any = openai.OpenAI(**SLOW)
LONG = [{"role": "user", "content": "word " * 400}]
HELLO = [{"role": "user", "content": "hello"}]
COST = {"include_usage": True}


def a_whole_completion() -> None:
    """JSON."""
    completion = fast.chat.completions.create(
        model="echo",
        messages=PICTURE_CHAT,
        temperature=0.5,
        top_p=0.9,
        seed=7,
        stop=["END"],
        max_completion_tokens=100,
        metadata={"case": "1"},
        reasoning_effort="none",
        service_tier="flex",
    )
    strict(completion)
    (choice,) = completion.choices
    assert (choice.message.content, choice.finish_reason) == (ANSWER, "stop")
    assert (completion.model, completion.service_tier, completion.degraded) == ("echo", "flex", [])
    counted(completion.usage)


def chunks_as_they_come() -> None:
    """SSE."""
    stream = fast.chat.completions.create(model="echo", messages=PICTURE_CHAT, stream=True, stream_options=COST)
    assert completed(list(stream)) == ANSWER


def the_end_of_the_tokens() -> None:
    """Told in both ways."""
    asked: Any = {"model": "echo", "messages": LONG, "max_tokens": 2}
    whole = fast.chat.completions.create(**asked)
    chunks = list(fast.chat.completions.create(**asked, stream=True, stream_options=COST))
    assert whole.choices[0].finish_reason == "length"
    assert completed(chunks, finish_reason="length") == whole.choices[0].message.content


def a_form_that_the_answer_keeps() -> None:
    """`parse`, and an answer that was cut in it."""
    form = [{"role": "user", "content": FORM}]
    parsed = fast.chat.completions.parse(model="echo", messages=form, response_format=Receipt)
    assert parsed.choices[0].message.parsed == Receipt(total=42, currency="CNY")
    with refused(openai.LengthFinishReasonError):
        fast.chat.completions.parse(model="echo", messages=form, response_format=Receipt, max_tokens=1)
    with refused(openai.InternalServerError) as caught:
        fast.chat.completions.parse(model="echo", messages=HELLO, response_format=Receipt)
    assert (caught.error.code, caught.error.status_code) == ("output_invalid", 502)


def an_error_in_mid_stream() -> None:
    """Raised by the client while it is read."""
    form: Any = {"type": "json_object"}
    stream = fast.chat.completions.create(model="echo", messages=HELLO, stream=True, response_format=form)
    with refused(openai.APIError) as caught:
        list(stream)
    assert (caught.error.code, caught.error.body["retryable"]) == ("output_invalid", False)


def the_helper() -> None:
    """`chat.completions.stream`."""
    with fast.chat.completions.stream(model="echo", messages=PICTURE_CHAT, stream_options=COST) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content == ANSWER
    counted(final.usage)


def a_stream_that_is_closed_stops() -> None:
    """There is nothing else to cancel by."""
    with slow.chat.completions.create(model="echo", messages=LONG, stream=True) as stream:
        assert len(list(islice(stream, 3))) == 3
        assert _busy() == 1
    _wait_until_idle()


def the_same_key_is_the_same_answer() -> None:
    """`Idempotency-Key`."""
    key = {"Idempotency-Key": "chat-1"}
    asked = [fast.chat.completions.create(model="echo", messages=HELLO, extra_headers=key) for _ in range(2)]
    assert asked[0].id == asked[1].id


def refusals() -> None:
    """The client's own exceptions."""
    turn = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}
    cases: list[tuple[type[Exception], str, str, dict[str, Any]]] = [
        (openai.NotFoundError, "model_not_found", "model", {"model": "gpt-9", "messages": HELLO}),
        (openai.BadRequestError, "invalid_request", "messages", {"model": "echo", "messages": []}),
        (openai.BadRequestError, "url_not_allowed", "messages", {"model": "echo", "messages": [turn]}),
        (openai.BadRequestError, "unsupported_parameter", "n", {"model": "echo", "messages": HELLO, "n": 2}),
        (
            openai.BadRequestError,
            "unsupported_parameter",
            "tools",
            {"model": "echo", "messages": HELLO, "tools": [{"type": "function", "function": {"name": "f"}}]},
        ),
    ]
    for kind, code, param, fields in cases:
        for stream in (False, True):
            with refused(kind) as caught:
                fast.chat.completions.create(**fields, stream=stream)
            assert (caught.error.code, caught.error.param, caught.error.request_id[:4]) == (code, param, "req_")


async def many_at_once() -> None:
    """JSON, chunks, a form and the helper, side by side."""
    async with openai.AsyncOpenAI(**FAST) as client:
        ask: Any = client.chat.completions
        whole, chunks, parsed, final = await asyncio.gather(
            ask.create(model="echo", messages=PICTURE_CHAT),
            _chunks(await ask.create(model="echo", messages=PICTURE_CHAT, stream=True, stream_options=COST)),
            ask.parse(model="echo", messages=[{"role": "user", "content": FORM}], response_format=Receipt),
            _helped(client),
        )
    strict(whole)
    assert whole.choices[0].message.content == completed(chunks) == final.choices[0].message.content == ANSWER
    assert parsed.choices[0].message.parsed == Receipt(total=42, currency="CNY")


async def whoever_stops_waiting_stops_the_answer() -> None:
    """A task that is cancelled closes its connection."""
    async with openai.AsyncOpenAI(**SLOW) as client:
        try:
            async with asyncio.timeout(0.5):
                await client.chat.completions.create(model="echo", messages=LONG)  # type: ignore[arg-type]
        except TimeoutError:
            await asyncio.to_thread(_wait_until_idle)
        else:
            raise AssertionError("the slow host was quick")


async def _chunks(stream: Any) -> list[Any]:
    return [chunk async for chunk in stream]


async def _helped(client: Any) -> Any:
    async with client.chat.completions.stream(model="echo", messages=PICTURE_CHAT) as stream:
        async for _ in stream:
            pass
        return await stream.get_final_completion()


def _busy() -> int:
    """Answers that the slow host is at."""
    host = slow.with_options(base_url=SLOW["base_url"].removesuffix("/v1"))
    return int(host.get("/health/ready", cast_to=object)["busy"])


def _wait_until_idle() -> None:
    """Long before the answer would have come to its end."""
    late = time.monotonic() + 3
    while _busy():
        assert time.monotonic() < late
        time.sleep(0.02)


CHECKS = [
    a_whole_completion,
    chunks_as_they_come,
    the_end_of_the_tokens,
    a_form_that_the_answer_keeps,
    an_error_in_mid_stream,
    the_helper,
    a_stream_that_is_closed_stops,
    the_same_key_is_the_same_answer,
    refusals,
]
ASYNC_CHECKS = [many_at_once, whoever_stops_waiting_stops_the_answer]


async def _all() -> None:
    for check in ASYNC_CHECKS:
        async with asyncio.timeout(30):
            await check()
        sys.stdout.write(f"ok {check.__name__}\n")


if __name__ == "__main__":
    for each in CHECKS:
        each()
        sys.stdout.write(f"ok {each.__name__}\n")
    asyncio.run(_all())
