"""From a question to the tokens and pixels that a model reads.

```
 system ─┐
 history ┼─ plain text ─► messages ─► the model's chat template ─► its processor ◄─ pictures
 text ───┘                                                              └─► Prompt: ids, pixels, digests
```
Pictures stand at the head of the conversation, so that every question about them shares the beginning of its prompt.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from host_server.core.question import AnswerForm, PreparedQuestion
from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm.marks import OPENING
from host_server.engines.transformers_vlm.pixels import Pixels, digest, opened
from host_server.engines.transformers_vlm.plain import PlainText

__all__ = ["Prompt", "Prompter", "instruction"]

Message = dict[str, Any]
_KEPT_APART = ("input_ids", "attention_mask")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads; see `request.Request` for the fields it shares with it."""

    ids: tuple[int, ...]
    inputs: Mapping[str, torch.Tensor]
    pictures: tuple[str, ...]
    thinking: bool
    """Whether the template has opened the model's thinking already."""


class Prompter:
    """Makes prompts for one processor. Not for several threads at once: a tokenizer has state.

    Raises `EngineError` when the model has no chat template.
    """

    def __init__(self, processor: Any, *, thinking: bool = False) -> None:
        self._processor = copy.copy(processor)
        self._processor.image_processor = Pixels(processor.image_processor)
        self._thinking = thinking
        self._plain = PlainText(processor)
        template = processor.chat_template or processor.tokenizer.chat_template
        self._switchable = "enable_thinking" in str(template)  # others warn of a word they do not know
        self._takes_system = self._look_at_template()

    def prompt(self, question: PreparedQuestion) -> Prompt:
        """Raises `EngineError` when the template does not take the conversation."""
        thinking = self._thinking if question.thinking is None else question.thinking
        messages = self._messages(question)
        try:
            rendered = self._render(messages, thinking=thinking)
        except Exception as error:
            raise EngineError("The model's chat template does not take this conversation.") from error
        tokens = self._processor(
            text=[rendered],
            images=[opened(picture, question.asker) for picture in question.pictures] or None,
            add_special_tokens=not self._begins_itself(rendered),
        ).convert_to_tensors("pt")
        return Prompt(
            ids=tuple(tokens["input_ids"][0].tolist()),
            inputs={name: value for name, value in tokens.items() if name not in _KEPT_APART},
            pictures=tuple(digest(picture, question.asker) for picture in question.pictures),
            thinking=rendered.rstrip().endswith(OPENING),
        )

    def _messages(self, question: PreparedQuestion) -> list[Message]:
        said = [(turn.role, turn.text) for turn in question.history]
        asked = question.text if question.form is None else f"{question.text}\n\n{instruction(question.form)}"
        messages: list[Message] = []
        for role, text in [*said, ("user", asked)]:
            part = {"type": "text", "text": self._plain(text)}
            if messages and messages[-1]["role"] == role:  # templates want the two to take turns
                part["text"] = "\n\n" + part["text"]
                messages[-1]["content"].append(part)
            else:
                messages.append({"role": role, "content": [part]})
        first = next(message for message in messages if message["role"] == "user")
        system = self._plain(question.system)
        if system and not self._takes_system:
            first["content"].insert(0, {"type": "text", "text": system + "\n\n"})
        first["content"][:0] = [{"type": "image"} for _ in question.pictures]
        if system and self._takes_system:
            messages.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
        return messages

    def _render(self, messages: list[Message], *, thinking: bool) -> str:
        switch = {"enable_thinking": thinking} if self._switchable else {}
        rendered: str = self._processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, **switch
        )
        return rendered

    def _begins_itself(self, rendered: str) -> bool:
        """Whether the template has written the mark that the tokenizer would put first."""
        mark = self._processor.tokenizer.bos_token
        return mark is not None and rendered.startswith(mark)

    def _look_at_template(self) -> bool:
        """Whether there is a place for system text; where there is none, it goes before the first question."""
        system = {"role": "system", "content": [{"type": "text", "text": "lensbridge"}]}
        user = {"role": "user", "content": [{"type": "text", "text": "?"}]}
        try:
            self._render([user], thinking=False)
        except Exception as error:
            raise EngineError(
                "The model has no chat template that takes a question.",
                hint="Take a checkpoint that is made for chat; its name often ends in Instruct, Chat or it.",
            ) from error
        try:
            return "lensbridge" in self._render([system, user], thinking=False)
        except Exception:  # ruff: ignore[blind-except] templates raise what they like
            return False


def instruction(form: AnswerForm) -> str:
    """What the model is told about the form of its answer."""
    if form.schema is None:
        return "Answer with one JSON object and nothing else: no explanation, no code fence."
    about = " ".join(filter(None, [f"“{form.name}”" if form.name else "", form.description]))
    schema = json.dumps(form.schema, ensure_ascii=False)
    return (
        "Answer with JSON and nothing else: no explanation, no code fence. "
        f"It must fit this JSON schema{f' ({about})' if about else ''}:\n{schema}"
    )
