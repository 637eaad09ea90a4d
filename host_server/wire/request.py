"""What a client may send: `response.create` and its neighbours, checked field by field.

Unknown fields are accepted and left behind: the API grows faster than we do, and what is kept takes memory. Fields
whose meaning we would have to ignore silently, such as tools, are refused by name.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from host_server.wire.codec import decode
from host_server.wire.errors import WireError
from host_server.wire.fields import (
    MAX_ITEMS,
    MAX_NAME,
    MAX_PARTS,
    Effort,
    Metadata,
    Model,
    Name,
    OutputTokens,
    Seed,
    Stop,
    Temperature,
    Text,
    Tier,
    TopP,
    refuse,
    validated,
)
from host_server.wire.schema import schema_faults

__all__ = [
    "Ack",
    "ClientMessage",
    "Format",
    "InputImage",
    "InputMessage",
    "InputText",
    "OutputText",
    "ReasoningOptions",
    "ResponseCancel",
    "ResponseCreate",
    "Resume",
    "ResumePoint",
    "TextOptions",
    "parse_create",
    "parse_message",
]

_MAX_RESUME = 64
_MAX_DESCRIPTION = 1024


class InputText(Model):
    """A piece of the question."""

    type: Literal["input_text"]
    text: Text


class OutputText(Model):
    """A piece of an earlier answer, coming back as context."""

    type: Literal["output_text"]
    text: Text


class InputImage(Model):
    """A picture: uploaded before (`file_id`), or inside the question as a `data:` URL."""

    type: Literal["input_image"]
    image_url: str | None = None
    file_id: Annotated[str, Field(max_length=128)] | None = None
    detail: Literal["low", "high", "auto", "original"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "InputImage":
        if (self.image_url is None) == (self.file_id is None):
            raise ValueError("give either image_url or file_id")
        return self


Part = Annotated[InputText | OutputText | InputImage, Field(discriminator="type")]


class InputMessage(Model):
    """One turn of the conversation."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Text | Annotated[list[Part], Field(max_length=MAX_PARTS)]


class _Reasoning(Model):
    type: Literal["reasoning"]


def _item_kind(value: Any) -> str:
    kind = value.get("type", "message") if isinstance(value, dict) else getattr(value, "type", "message")
    return kind if isinstance(kind, str) else ""


_Item = Annotated[
    Annotated[InputMessage, Tag("message")] | Annotated[_Reasoning, Tag("reasoning")], Discriminator(_item_kind)
]


class Format(Model):
    """What the answer shall be; a schema is known to be one that answers can be held to."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")] | None = None
    description: Annotated[str, Field(max_length=_MAX_DESCRIPTION)] | None = None
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None

    @model_validator(mode="after")
    def _whole_schema(self) -> "Format":
        if self.type != "json_schema":
            return self
        if self.name is None or self.json_schema is None:
            raise ValueError("json_schema needs a name and a schema")
        if faults := schema_faults(self.json_schema):
            raise ValueError(f"the schema cannot be used: {faults[0]}")
        return self

    def echo(self) -> dict[str, Any]:
        """The format as the Response tells it back."""
        if self.type != "json_schema":
            return {"type": self.type}
        known = {"type": self.type, "name": self.name, "schema": self.json_schema}
        given = {"description": self.description, "strict": self.strict}
        return known | {key: value for key, value in given.items() if value is not None}


class TextOptions(Model):
    """`text` of a question."""

    format: Format | None = None


class ReasoningOptions(Model):
    """`reasoning` of a question: whether to think first, and nothing finer."""

    effort: Effort | None = None


class ResponseCreate(Model):
    """A question. `event_id` and `stream_id` belong to the WebSocket, `stream` to HTTP."""

    model: Name | None = None
    input: Text | Annotated[list[_Item], Field(min_length=1, max_length=MAX_ITEMS)] = ""
    instructions: Text | None = None
    previous_response_id: Name | None = None
    store: bool | None = None
    metadata: Metadata | None = None
    max_output_tokens: OutputTokens | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    seed: Seed | None = None
    stop: Stop | None = None
    reasoning: ReasoningOptions | None = None
    service_tier: Tier | None = None
    text: TextOptions | None = None
    tools: list[Any] | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None
    generate: bool | None = None
    stream: bool | None = None
    stream_id: Name | None = None
    event_id: Name | None = None

    @property
    def format(self) -> Format:
        """What the answer shall be; text unless something else was asked for."""
        return (self.text and self.text.format) or Format()

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end the answer, whichever way they were written."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def thinking(self) -> bool | None:
        """Whether the model shall think aloud first; None leaves it to the host."""
        effort = self.reasoning and self.reasoning.effort
        return None if effort is None else effort not in {"none", "minimal"}

    @property
    def priority(self) -> Literal["interactive", "batch"]:
        """Whether somebody waits for the answer: `metadata.class` says so, else `service_tier`; other values do not."""
        named = (self.metadata or {}).get("class")
        if named == "batch" or (named != "interactive" and self.service_tier == "flex"):
            return "batch"
        return "interactive"

    @property
    def items(self) -> list[InputMessage]:
        """The conversation as messages, whichever way it was written; earlier reasoning is left out."""
        if isinstance(self.input, str):
            return [InputMessage(role="user", content=self.input)]
        return [item for item in self.input if isinstance(item, InputMessage)]


class ResponseCancel(Model):
    """Stop this answer now."""

    type: Literal["response.cancel"]
    response_id: Name
    event_id: Name | None = None


class ResumePoint(Model):
    """An answer, the last event of it that the client has, and the lane to send the rest on."""

    id: Name
    starting_after: Annotated[int, Field(ge=-1)] = -1
    stream_id: Name | None = None


class Ack(Model):
    """So far this answer, or without a name our own events, has been read; who says so once has to go on saying it."""

    type: Literal["bridge:ack"]
    response_id: Name | None = None
    sequence_number: Annotated[int, Field(ge=-1)]
    event_id: Name | None = None


class Resume(Model):
    """Continue these answers on this socket; `bridge:hello` may carry the same and asks for `bridge:session.ready`."""

    type: Literal["bridge:hello", "bridge:resume"]
    responses: list[ResumePoint] = Field(default_factory=list, max_length=_MAX_RESUME)
    resume: list[ResumePoint] = Field(default_factory=list, max_length=_MAX_RESUME)
    event_id: Name | None = None

    @property
    def points(self) -> list[ResumePoint]:
        """What to continue, by either name."""
        return [*self.responses, *self.resume]


ClientMessage: TypeAlias = ResponseCreate | ResponseCancel | Resume | Ack


def parse_create(data: object) -> ResponseCreate:
    """A question out of decoded JSON. Raises `WireError`."""
    if not isinstance(data, dict):
        raise WireError("invalid_request", "The body must be a JSON object.")
    create = validated(ResponseCreate, data)
    refuse(
        {
            "tools": create.tools,
            "background": create.background,
            "conversation": create.conversation,
            "prompt": create.prompt,
        }
    )
    return create


def parse_message(text: str) -> ClientMessage:
    """One WebSocket frame. Raises `WireError` that names the frame's `event_id` and `stream_id`."""
    data = decode(text)
    if not isinstance(data, dict):
        raise WireError("invalid_request", "A frame must be a JSON object.")
    try:
        return _message(data)
    except WireError as error:
        error.event_id, error.stream_id = _echo(data, "event_id"), _echo(data, "stream_id")
        raise


def _message(data: dict[str, Any]) -> ClientMessage:
    kind = data.get("type")
    if kind == "response.create":
        return parse_create(data)
    if kind == "response.cancel":
        return validated(ResponseCancel, data)
    if isinstance(kind, str) and kind in {"bridge:hello", "bridge:resume"}:
        return validated(Resume, data)
    if kind == "bridge:ack":
        return validated(Ack, data)
    raise WireError("unknown_event", "Unknown event type.", param="type")


def _echo(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) and 0 < len(value) <= MAX_NAME else None
