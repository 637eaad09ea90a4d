"""What is asked: a question as it stands, or a named prompt with all that belongs to it. For commands and programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError, QuestionRefused, UsageError

if TYPE_CHECKING:
    from bridge.config import Settings
    from bridge.prompts import Language, PromptBook

__all__ = ["Asked", "asked_of", "book_of", "one_question"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The words, and the other fields of `response.create`."""

    text: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def cut_short(self, event: Mapping[str, Any]) -> BridgeError | None:
        """JSON without its end is no answer, though text without its end may be one."""
        if event.get("status") != "incomplete" or "text" not in self.options:
            return None
        return QuestionRefused(
            "the answer was cut before its JSON was complete",
            hint="let the prompt have more `max_output_tokens` (`bridge prompts edit`)",
            code="max_output_tokens",
        )


def book_of(settings: "Settings") -> "tuple[PromptBook, Language]":
    """All prompts, and the language they are asked in."""
    import os

    from bridge.prompts import default_language, load

    return load(os.environ, settings.prompts), settings.lang or default_language(os.environ)


def asked_of(settings: "Settings", name: str | None = None) -> Asked:
    """What the settings ask, or the prompt of this name. Raises `UsageError` for a name that is none, or nearly one."""
    from bridge.prompts import may_be_name, resolve

    if name is None and not may_be_name(settings.prompt):
        return Asked(settings.prompt)  # most questions are: no file has to be read
    book, language = book_of(settings)
    if name is None:
        return Asked(*resolve(settings.prompt, book, language))
    prompt = book.get(name)
    return Asked(prompt.text(language), prompt.options(language))


def one_question(question: str | None, name: str | None) -> None:
    """Refuse two questions at once, and one without words."""
    if question is not None and not question.strip():
        raise UsageError("the question has no words", hint="leave it out to ask the prompt of the settings")
    if question is not None and name is not None:
        raise UsageError("QUESTION and --prompt are two questions", hint="leave out one of them")
