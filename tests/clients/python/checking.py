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
PICTURE_QUESTION: Any = [
    {
        "role": "user",
        "content": [
            {
                "type": "input_image",
                "image_url": "data:image/png;base64," + base64.b64encode(bytes.fromhex(os.environ["PICTURE"])).decode(),
            },
            {"type": "input_text", "text": "What is the total?"},
        ],
    }
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
