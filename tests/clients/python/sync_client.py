"""The official client, sync, as its documentation uses it. Run in its own environment; says `ok` for each check."""

import os
import sys
from itertools import islice
from typing import Any

import openai
from checking import ANSWER, FORM, PICTURE_QUESTION, Receipt, deltas, refused, strict, told  # type: ignore[import-not-found]  # beside it, where it runs

fast: Any = openai.OpenAI(base_url=os.environ["FAST_URL"], api_key=os.environ["FAST_KEY"], max_retries=0)
slow: Any = openai.OpenAI(base_url=os.environ["SLOW_URL"], api_key=os.environ["SLOW_KEY"], max_retries=0)
LONG = "word " * 200


def a_whole_answer() -> None:
    """JSON."""
    response = fast.responses.create(model="echo", input=PICTURE_QUESTION, metadata={"case": "1"})
    strict(response)
    assert (response.output_text, response.status, response.metadata) == (ANSWER, "completed", {"case": "1"})
    assert response.usage.input_tokens_details.cache_write_tokens == 0


def a_stream_and_every_place_to_resume_it_from() -> None:
    """SSE, and `starting_after`."""
    events = list(fast.responses.create(model="echo", input=PICTURE_QUESTION, stream=True))
    told(events)
    for event in events:
        rest = list(fast.responses.retrieve(events[0].response.id, stream=True, starting_after=event.sequence_number))
        assert deltas(rest) == deltas(events, event.sequence_number)
        assert [other.type for other in rest[-1:]] == ([events[-1].type] if event is not events[-1] else [])


def the_helper_and_its_resumption() -> None:
    """`responses.stream`, which filters what it has by itself."""
    with fast.responses.stream(model="echo", input=PICTURE_QUESTION) as stream:
        list(stream)
        final = stream.get_final_response()
    with fast.responses.stream(response_id=final.id, starting_after=2) as stream:
        again = [event.sequence_number for event in stream]
    assert (final.output_text, again[0]) == (ANSWER, 3)


def a_form_that_the_answer_keeps() -> None:
    """`parse`: the echo says JSON because it was asked in JSON."""
    response = fast.responses.parse(model="echo", input=FORM, text_format=Receipt)
    assert response.output_parsed == Receipt(total=42, currency="CNY")


def another_question_of_the_chain() -> None:
    """`previous_response_id`."""
    first = fast.responses.create(model="echo", input=PICTURE_QUESTION)
    second = fast.responses.create(model="echo", input="And the date?", previous_response_id=first.id)
    assert second.output_text == "And the date? [picture 64x48]"


def what_was_asked() -> None:
    """`input_items`, page by page."""
    turns = [{"role": "user" if turn % 2 else "assistant", "content": f"turn {turn}"} for turn in range(6)]
    response = fast.responses.create(model="echo", input=[*turns[1:], *PICTURE_QUESTION])
    items = list(fast.responses.input_items.list(response.id, limit=2, order="asc"))
    newest = fast.responses.input_items.list(response.id).data[0]
    assert [item.role for item in items] == ["user", "assistant", "user", "assistant", "user", "user"]
    assert newest.content[0].file_id.startswith("cap_")
    for item in items:
        strict(item)


def the_same_key_is_the_same_answer() -> None:
    """`Idempotency-Key`."""
    key = {"Idempotency-Key": "sync-1"}
    asked = [fast.responses.create(model="echo", input="once", extra_headers=key) for _ in range(2)]
    assert asked[0].id == asked[1].id
    with refused(openai.ConflictError) as caught:
        fast.responses.create(model="echo", input="twice", extra_headers=key)
    told_not_to = caught.error.response.headers["x-should-retry"]
    assert (caught.error.code, told_not_to) == ("idempotency_key_reused", "false")


def cancel_retrieve_and_delete() -> None:
    """While it runs, and after."""
    stream = slow.responses.create(model="echo", input=LONG, stream=True)
    first = list(islice(stream, 6))
    name = first[0].response.id
    assert slow.responses.retrieve(name).status == "in_progress"
    assert slow.responses.cancel(name).status == "cancelled"
    rest = list(stream)
    assert (rest[-1].type, rest[-1].response.status) == ("response.incomplete", "cancelled")
    told([*first, *rest])
    assert slow.responses.retrieve(name).status == slow.responses.cancel(name).status == "cancelled"
    slow.responses.delete(name)
    with refused(openai.NotFoundError) as caught:
        slow.responses.retrieve(name)
    assert (caught.error.code, caught.error.body["retryable"]) == ("response_not_found", False)


def a_stream_that_is_closed_goes_on() -> None:
    """Gone is not cancelled."""
    with slow.responses.create(model="echo", input="one two three four five six", stream=True) as stream:
        first = next(iter(stream))
    rest = list(slow.responses.retrieve(first.response.id, stream=True, starting_after=0))
    told([first, *rest])
    assert rest[-1].response.output_text == "one two three four five six"


def refusals() -> None:
    """The client's own exceptions."""
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (openai.NotFoundError, "model_not_found", {"model": "gpt-9", "input": "x"}),
        (openai.BadRequestError, "invalid_request", {"model": "echo", "input": " "}),
        (openai.BadRequestError, "unsupported_parameter", {"model": "echo", "input": "x", "background": True}),
        (openai.BadRequestError, "previous_response_not_found", {"input": "x", "previous_response_id": "resp_0"}),
    ]
    for kind, code, fields in cases:
        with refused(kind) as caught:
            fast.responses.create(**fields)
        assert (caught.error.code, caught.error.request_id[:4]) == (code, "req_")
    with refused(openai.AuthenticationError) as caught:
        fast.with_options(api_key="wrong").models.list()
    assert caught.error.code == "invalid_token"
    assert [model.id for model in fast.models.list()] == ["echo"]


def wishes() -> None:
    """Thinking, class, and what is not in this API: by `extra_body`."""
    response = fast.responses.create(
        model="echo",
        input="hello",
        reasoning={"effort": "none"},
        service_tier="flex",
        temperature=0.5,
        top_p=0.9,
        extra_body={"seed": 7, "stop": ["END"]},
    )
    strict(response)
    assert (response.reasoning.effort, response.service_tier) == ("none", "flex")
    assert (response.temperature, response.top_p, response.output_text) == (0.5, 0.9, "hello")
    with refused(openai.BadRequestError) as caught:
        fast.responses.create(model="echo", input="hello", extra_body={"stop": list("abcde")})
    assert caught.error.param == "stop"


def lanes_cancel_and_resume_on_a_socket() -> None:
    """`connect`."""
    with slow.responses.connect() as socket:
        for lane in ("A", "B", "A"):
            socket.response.create(model="echo", input=f"lane {lane}", stream_id=lane)
        ended = [event.stream_id for event in _until(socket, 3)]
        assert sorted(ended) == ["A", "A", "B"]
        socket.send({"type": "no.such", "event_id": "c1"})
        error = socket.recv()
        assert (error.type, error.error.code, error.event_id) == ("error", "unknown_event", "c1")
        socket.response.create(model="echo", input=LONG)
        name = socket.recv().response.id
        socket.send({"type": "response.cancel", "response_id": name})
        assert _until(socket, 1)[0].response.status == "cancelled"
    with slow.responses.connect() as socket:
        socket.send({"type": "bridge:resume", "responses": [{"id": name, "starting_after": 1}]})
        again = _until(socket, 1)[0]
    assert (again.type, again.response.status) == ("response.incomplete", "cancelled")


def _until(socket: Any, ends: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < ends:
        event = socket.recv()
        strict(event)
        if event.type in {"response.completed", "response.incomplete", "response.failed"}:
            found.append(event)
    return found


CHECKS = [
    a_whole_answer,
    a_stream_and_every_place_to_resume_it_from,
    the_helper_and_its_resumption,
    a_form_that_the_answer_keeps,
    another_question_of_the_chain,
    what_was_asked,
    the_same_key_is_the_same_answer,
    cancel_retrieve_and_delete,
    a_stream_that_is_closed_goes_on,
    refusals,
    wishes,
    lanes_cancel_and_resume_on_a_socket,
]

if __name__ == "__main__":
    for check in CHECKS:
        check()
        sys.stdout.write(f"ok {check.__name__}\n")
