"""The official client and a real model that names colours. Run in its own environment; says `ok` for each check."""

import base64
import json
import os
import sys
from typing import Any

import openai
from checking import strict  # type: ignore[import-not-found]  # beside it, where it runs

client: Any = openai.OpenAI(base_url=os.environ["MODEL_URL"], api_key=os.environ["MODEL_KEY"], max_retries=0)
PICTURES: dict[str, str] = json.loads(os.environ["PICTURES"])
MODEL = "transformers_vlm"
QUESTION = "What colour is it?"


def _url(colour: str) -> str:
    return "data:image/png;base64," + base64.b64encode(bytes.fromhex(PICTURES[colour])).decode()


def _input(colour: str) -> Any:
    parts = [{"type": "input_image", "image_url": _url(colour)}, {"type": "input_text", "text": QUESTION}]
    return [{"role": "user", "content": parts}]


def _messages(colour: str) -> Any:
    parts = [{"type": "image_url", "image_url": {"url": _url(colour)}}, {"type": "text", "text": QUESTION}]
    return [{"role": "user", "content": parts}]


def responses() -> None:
    """Whole, then streamed: the second time most of the prompt is known."""
    first = client.responses.create(model=MODEL, input=_input("red"), metadata={"cache": "off"})
    events = list(client.responses.create(model=MODEL, input=_input("red"), metadata={"cache": "off"}, stream=True))
    second = events[-1].response
    for thing in (first, *events):
        strict(thing)
    assert first.output_text == second.output_text == "red"
    assert first.usage.input_tokens == second.usage.input_tokens > first.usage.input_tokens_details.image_tokens > 0
    assert second.usage.input_tokens_details.cached_tokens > first.usage.input_tokens_details.cached_tokens
    assert second.metrics["cached_tokens"] == second.usage.input_tokens_details.cached_tokens


def chat_completions() -> None:
    """The same in the other API."""
    first = client.chat.completions.create(model=MODEL, messages=_messages("blue"))
    options = {"include_usage": True}
    stream = client.chat.completions.create(
        model=MODEL, messages=_messages("blue"), stream=True, stream_options=options
    )
    chunks = list(stream)
    for thing in (first, *chunks):
        strict(thing)
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert first.choices[0].message.content == said == "blue"
    before, after = (usage.prompt_tokens_details.cached_tokens for usage in (first.usage, chunks[-1].usage))
    assert chunks[-1].usage.prompt_tokens > after > before


def a_stop() -> None:
    """Is no part of the answer."""
    completion = client.chat.completions.create(model=MODEL, messages=_messages("blue"), stop=["u"])
    assert (completion.choices[0].message.content, completion.choices[0].finish_reason) == ("bl", "stop")


def every_picture() -> None:
    """Its own colour, asked for by the real name of the model."""
    (listed,) = client.models.list()
    for colour in PICTURES:
        assert client.responses.create(model=listed.answers_with, input=_input(colour)).output_text == colour


CHECKS = [responses, chat_completions, a_stop, every_picture]

if __name__ == "__main__":
    for check in CHECKS:
        check()
        sys.stdout.write(f"ok {check.__name__}\n")
