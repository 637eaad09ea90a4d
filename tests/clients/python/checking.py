"""What both of the client's halves are asked, and how their answers are judged: strictly, since it does not do so."""

import base64
import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pydantic

ANSWER = "What is the total? [picture 64x48]"
FORM = '{"total": 42, "currency": "CNY"}'
URL = "data:image/png;base64," + base64.b64encode(bytes.fromhex(os.environ["PICTURE"])).decode()
PICTURE_QUESTION: Any = [
    {
        "role": "user",
        "content": [{"type": "input_image", "image_url": URL}, {"type": "input_text", "text": "What is the total?"}],
    }
]
PICTURE_CHAT: Any = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
            {"type": "text", "text": "What is the total?"},
        ],
    },
]


class Receipt(pydantic.BaseModel):
    """A form."""

    total: int
    currency: str


class Caught:
    """What was raised inside `refused`."""

    error: Any = None


@contextmanager
def refused(kind: type[Exception]) -> Generator[Caught]:
    """Whatever is inside has to raise this."""
    caught = Caught()
    try:
        yield caught
    except kind as error:
        caught.error = error
    if caught.error is None:
        raise AssertionError("nothing was refused")


def strict(thing: Any) -> None:
    """The client builds objects of whatever it gets; here their models complain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        type(thing).model_validate(thing.to_dict(mode="json"))


def told(events: list[Any]) -> None:
    """The history of one answer is clean: from 0 on, growing, one end, and its text is what was streamed."""
    numbers = [event.sequence_number for event in events]
    ends = [event for event in events if event.type.removeprefix("response.") in {"completed", "incomplete", "failed"}]
    assert numbers == sorted(set(numbers))
    assert (numbers[0], events[0].type) == (0, "response.created")
    assert ends == events[-1:]
    assert deltas(events) == ends[0].response.output_text
    for event in events:
        strict(event)


def deltas(events: list[Any], after: int = -1) -> str:
    """The text that came after this number."""
    return "".join(
        event.delta for event in events if event.type == "response.output_text.delta" and event.sequence_number > after
    )


def completed(chunks: list[Any], *, finish_reason: str = "stop") -> str:
    """The chunks of one completion are clean, with its cost at the end; gives their text."""
    *spoken, cost = chunks
    for chunk in chunks:
        strict(chunk)
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert spoken[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in spoken] == [None] * (len(spoken) - 1) + [finish_reason]
    assert (cost.choices, spoken[-1].metrics["cache"], spoken[-1].degraded) == ([], "off", [])
    counted(cost.usage)
    return "".join(chunk.choices[0].delta.content or "" for chunk in spoken)


def counted(usage: Any) -> None:
    """A cost that adds up, with everything that programs look for in it."""
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert 0 <= usage.prompt_tokens_details.cached_tokens <= usage.prompt_tokens
    assert 0 <= usage.completion_tokens_details.reasoning_tokens <= usage.completion_tokens
