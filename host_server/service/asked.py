"""What a run needs to know of a question: less than the request, which may hold megabytes of pictures."""

import re
from dataclasses import dataclass, replace

from host_server.core.conversation import Conversation
from host_server.core.question import AnswerForm, PreparedQuestion
from host_server.wire.request import Format, ResponseCreate

__all__ = ["Asked", "answer_form"]

_LONGEST_TIMEOUT_MS = 3_600_000
_MILLISECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question without its pictures, and what its answer needs beside it."""

    question: PreparedQuestion
    conversation: Conversation
    pictures: tuple[str, ...]
    """By sha256, all of them here."""
    silent: bool
    """Only its pictures are to be made ready; nothing is said."""
    timeout_s: float

    @classmethod
    def of(
        cls, create: ResponseCreate, conversation: Conversation, pictures: tuple[str, ...], *, asker: str
    ) -> "Asked":
        """The question in this request."""
        question = PreparedQuestion(
            text=conversation.text,
            system=conversation.system,
            history=conversation.history,
            max_output_tokens=create.max_output_tokens,
            temperature=create.temperature,
            top_p=create.top_p,
            seed=create.seed,
            stop=create.stops,
            thinking=create.thinking,
            priority=create.priority,
            form=answer_form(create.format),
            asker=asker,
        )
        return cls(
            question,
            replace(conversation, images=()),
            pictures,
            silent=create.generate is False,
            timeout_s=_timeout_s((create.metadata or {}).get("timeout_ms", "")),
        )


def answer_form(wanted: Format) -> AnswerForm | None:
    """What the engine is told about the answer's form; None for text."""
    if wanted.type == "text":
        return None
    schema = wanted.json_schema if wanted.type == "json_schema" else None
    return AnswerForm(wanted.name or "", schema, wanted.description or "")


def _timeout_s(text: str) -> float:
    milliseconds = int(text) if _MILLISECONDS.fullmatch(text) else 0
    return min(milliseconds or _LONGEST_TIMEOUT_MS, _LONGEST_TIMEOUT_MS) / 1000
