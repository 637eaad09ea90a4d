"""`/v1/chat/completions`, the older way to ask: what a client may send, turned into the question that everybody asks.

The limits are those of `response.create`, and what cannot be had is refused by name in the same way. Such a question
is never stored: nobody could name its answer.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from host_server.wire.errors import WireError
from host_server.wire.fields import (
    MAX_ITEMS,
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
from host_server.wire.request import (
    Format,
    InputImage,
    InputMessage,
    InputText,
    OutputText,
    Part,
    ReasoningOptions,
    ResponseCreate,
    TextOptions,
)

__all__ = ["ChatCreate", "ChatMessage", "ResponseFormat", "parse_chat"]


_MAX_MODALITIES = 8


class _TextPart(Model):
    type: Literal["text"]
    text: Text


class _RefusalPart(Model):
    type: Literal["refusal"]
    refusal: Text


class _ImageUrl(Model):
    url: str
    detail: Literal["low", "high", "auto", "original"] | None = None


class _ImagePart(Model):
    type: Literal["image_url"]
    image_url: _ImageUrl


_Part = Annotated[_TextPart | _RefusalPart | _ImagePart, Field(discriminator="type")]


class ChatMessage(Model):
    """One turn; only the user shows pictures."""

    role: Literal["developer", "system", "user", "assistant"]
    content: Text | Annotated[list[_Part], Field(max_length=MAX_PARTS)] | None = None
    tool_calls: list[Any] | None = None
    function_call: Any = None

    @model_validator(mode="after")
    def _sensible(self) -> "ChatMessage":
        if self.content is None and self.role != "assistant":
            raise ValueError("the content is missing")
        parts = self.content if isinstance(self.content, list) else []
        if self.role != "user" and any(isinstance(part, _ImagePart) for part in parts):
            raise ValueError("only the user shows pictures")
        return self

    def item(self) -> InputMessage:
        """The same turn of a question."""
        content = self.content or ""
        if isinstance(content, str):
            return InputMessage(role=self.role, content=content)
        return InputMessage(role=self.role, content=[_item_part(part, self.role) for part in content])


def _item_part(part: _Part, role: str) -> Part:
    if isinstance(part, _ImagePart):
        return InputImage(type="input_image", image_url=part.image_url.url, detail=part.image_url.detail)
    text = part.refusal if isinstance(part, _RefusalPart) else part.text
    if role == "assistant":
        return OutputText(type="output_text", text=text)
    return InputText(type="input_text", text=text)


def _typed(value: Any) -> Any:
    return {**value, "type": "json_schema"} if isinstance(value, dict) else value


class ResponseFormat(Model):
    """What the answer shall be; the schema lies one level deeper than in a Response."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: Annotated[Format, BeforeValidator(_typed)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> "ResponseFormat":
        if self.type == "json_schema" and self.json_schema is None:
            raise ValueError("json_schema is missing")
        return self

    def flat(self) -> Format:
        """The same as a Response has it."""
        if self.type == "json_schema" and self.json_schema is not None:
            return self.json_schema
        return Format(type=self.type)


class _StreamOptions(Model):
    include_usage: bool | None = None


class _TemplateOptions(Model):
    enable_thinking: bool | None = None


class ChatCreate(Model):
    """A question with everything that was said before it.

    `chat_template_kwargs.enable_thinking` is how vLLM and SGLang call what OpenAI calls `reasoning_effort`.
    """

    model: Name | None = None
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_ITEMS)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    metadata: Metadata | None = None
    max_completion_tokens: OutputTokens | None = None
    max_tokens: OutputTokens | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    seed: Seed | None = None
    stop: Stop | None = None
    reasoning_effort: Effort | None = None
    chat_template_kwargs: _TemplateOptions | None = None
    service_tier: Tier | None = None
    response_format: ResponseFormat | None = None
    n: int | None = None
    modalities: Annotated[list[Name], Field(max_length=_MAX_MODALITIES)] | None = None
    logprobs: bool | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Any = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    audio: Any = None
    web_search_options: Any = None

    @property
    def include_usage(self) -> bool:
        """Whether the stream shall end with what the answer cost."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def question(self) -> ResponseCreate:
        """The same as everybody else asks it."""
        return ResponseCreate(
            model=self.model,
            input=[message.item() for message in self.messages],
            store=False,
            metadata=self.metadata,
            max_output_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            stop=self.stop,
            reasoning=ReasoningOptions(effort=self._effort()),
            service_tier=self.service_tier,
            text=TextOptions(format=self.response_format.flat()) if self.response_format else None,
            stream=self.stream,
        )

    def _effort(self) -> Effort | None:
        thinking = self.chat_template_kwargs and self.chat_template_kwargs.enable_thinking
        if self.reasoning_effort is not None or thinking is None:
            return self.reasoning_effort
        return "medium" if thinking else "none"


def parse_chat(data: object) -> ChatCreate:
    """A question out of decoded JSON. Raises `WireError`."""
    if not isinstance(data, dict):
        raise WireError("invalid_request", "The body must be a JSON object.")
    chat = validated(ChatCreate, data)
    refuse(
        {
            "tools": chat.tools or any(message.tool_calls for message in chat.messages),
            "functions": chat.functions or any(message.function_call for message in chat.messages),
            "n": chat.n not in {None, 1},
            "modalities": chat.modalities not in (None, [], ["text"]),
            "logprobs": chat.logprobs,
            "presence_penalty": chat.presence_penalty,
            "frequency_penalty": chat.frequency_penalty,
            "logit_bias": chat.logit_bias,
            "audio": chat.audio,
            "web_search_options": chat.web_search_options is not None,
        }
    )
    return chat
