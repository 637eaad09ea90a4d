"""The official client, async. Run in its own environment; says `ok` for each check."""

import asyncio
import os
import sys
from typing import Any

import openai
from checking import ANSWER, FORM, PICTURE_QUESTION, Receipt, deltas, refused, strict, told  # type: ignore[import-not-found]  # beside it, where it runs

fast: Any = openai.AsyncOpenAI(base_url=os.environ["FAST_URL"], api_key=os.environ["FAST_KEY"], max_retries=0)
slow: Any = openai.AsyncOpenAI(base_url=os.environ["SLOW_URL"], api_key=os.environ["SLOW_KEY"], max_retries=0)
LONG = "word " * 200
ENDS = {"response.completed", "response.incomplete", "response.failed"}


async def many_at_once() -> None:
    """JSON and SSE, side by side."""
    whole, streamed, parsed = await asyncio.gather(
        fast.responses.create(model="echo", input=PICTURE_QUESTION),
        _events(await fast.responses.create(model="echo", input=PICTURE_QUESTION, stream=True)),
        fast.responses.parse(model="echo", input=FORM, text_format=Receipt),
    )
    strict(whole)
    told(streamed)
    assert whole.output_text == deltas(streamed) == ANSWER
    assert parsed.output_parsed == Receipt(total=42, currency="CNY")


async def a_cut_stream_is_resumed() -> None:
    """Closed in the middle, taken up from there."""
    stream = await slow.responses.create(model="echo", input="one two three four five six", stream=True)
    seen = []
    async for event in stream:
        seen.append(event)
        if len(seen) == 6:
            break
    await stream.close()
    after = seen[-1].sequence_number
    rest = await _events(await slow.responses.retrieve(seen[0].response.id, stream=True, starting_after=after))
    told([*seen, *rest])


async def the_helper() -> None:
    """`responses.stream`."""
    async with fast.responses.stream(model="echo", input=PICTURE_QUESTION) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_response()
    assert final.output_text == ANSWER
    assert [item.role async for item in fast.responses.input_items.list(final.id)] == ["user"]


async def cancel_ends_the_stream() -> None:
    """From another task."""
    stream = await slow.responses.create(model="echo", input=LONG, stream=True)
    events = []
    async for event in stream:
        events.append(event)
        if len(events) == 5:
            assert (await slow.responses.cancel(events[0].response.id)).status == "cancelled"
    told(events)
    assert events[-1].response.status == "cancelled"


async def lanes_on_a_socket() -> None:
    """The same lane in order, another beside it."""
    async with slow.responses.connect() as socket:
        for lane, text in (("A", "one two three four"), ("B", "quick"), ("A", "later")):
            await socket.response.create(model="echo", input=text, stream_id=lane)
        lanes: dict[str, list[Any]] = {"A": [], "B": []}
        ends = []
        async for event in socket:
            strict(event)
            lanes[event.stream_id].append(event)
            ends += [event.response.output_text] if event.type in ENDS else []
            if len(ends) == 3:
                break
    assert ends == ["quick", "one two three four", "later"]
    cut = next(place for place, event in enumerate(lanes["A"]) if event.type in ENDS) + 1
    for events in (lanes["A"][:cut], lanes["A"][cut:], lanes["B"]):
        told(events)


async def our_own_events_do_no_harm() -> None:
    """With our subprotocol the first event is one the client does not know."""
    options = {"subprotocols": ["bridge.v1"]}
    async with fast.responses.connect(websocket_connection_options=options) as socket:
        ready = await socket.recv()
        await socket.response.create(model="echo", input="hello")
        await socket.send({"type": "bridge:ack", "sequence_number": 0})
        events = []
        async for event in socket:
            events.append(event)
            if event.type in ENDS:
                break
    assert (ready.type, ready.to_dict()["limits"]["max_inflight"]) == ("bridge:session.ready", 16)
    told(events)


async def a_wrong_key_on_a_socket() -> None:
    """HTTP 401, with the reason."""
    with refused(Exception) as caught:  # its WebSocket library's own
        async with fast.with_options(api_key="wrong").responses.connect() as socket:
            await socket.recv()
    response = caught.error.response
    assert (response.status_code, b"invalid_token" in response.body) == (401, True)


async def _events(stream: Any) -> list[Any]:
    return [event async for event in stream]


CHECKS = [
    many_at_once,
    a_cut_stream_is_resumed,
    the_helper,
    cancel_ends_the_stream,
    lanes_on_a_socket,
    our_own_events_do_no_harm,
    a_wrong_key_on_a_socket,
]


async def _all() -> None:
    for check in CHECKS:
        async with asyncio.timeout(30):
            await check()
        sys.stdout.write(f"ok {check.__name__}\n")


if __name__ == "__main__":
    asyncio.run(_all())
