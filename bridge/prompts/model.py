"""What a prompt is, and everything that is wrong with a file of them, told at once."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bridge.errors import UsageError
from bridge.prompts.reading import Lines, Path, Problem
from host_server.wire.schema import schema_faults

__all__ = ["Entry", "Language", "PromptFileError", "Words", "check"]

Language: TypeAlias = Literal["en", "zh"]

MAX_PROMPTS: Final = 64
_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"


_SAID: Final = {
    "dict_type": "is a list of names with something under each",
    "extra_forbidden": "is not known here",
    "missing": "is missing",
    "model_type": "is not written as it should be (`bridge prompts show receipt` is an example)",
    "string_pattern_mismatch": "a name is small letters, digits and hyphens, at most 40",
    "string_type": "is a text",
    "too_long": f"more than {MAX_PROMPTS} prompts",
    "too_short": "there is no prompt",
}


class PromptFileError(UsageError):
    """A file of prompts makes no sense: every fault with its line, `file:line: path: message`."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        told = [problem.told(file) for problem in problems]
        head = "this file of prompts has a fault" if len(told) == 1 else f"this file of prompts has {len(told)} faults"
        fields = [{"line": p.line, "path": p.path, "message": p.message} for p in problems]
        super().__init__(
            "\n".join([head, *told]),
            hint="`bridge prompts edit` opens your own file; `bridge prompts show receipt` is an example",
            file=file,
            problems=fields,
        )


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


def _both(value: object) -> object:
    """A text that is given once is for everybody."""
    return {"en": value, "zh": value} if isinstance(value, str) else value


class Words(_Model):
    """A text in English and Chinese; one of them will do for both."""

    en: str | None = None
    zh: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.en or "").strip() and not (self.zh or "").strip():
            raise ValueError("there is no text")
        return self

    def say(self, language: Language) -> str:
        """The text in this language, else in the other."""
        first, second = (self.zh, self.en) if language == "zh" else (self.en, self.zh)
        return first if first and first.strip() else second or ""


def _limited(limit: int) -> AfterValidator:
    def limited(words: Words) -> Words:
        if max(len(words.en or ""), len(words.zh or "")) > limit:
            raise ValueError(f"longer than {limit} characters")
        return words

    return AfterValidator(limited)


_Title = Annotated[Words, BeforeValidator(_both), _limited(60)]
_Text = Annotated[Words, BeforeValidator(_both), _limited(4_000)]
_System = Annotated[Words, BeforeValidator(_both), _limited(8_000)]


class Parameters(_Model):
    """What the model is told besides words."""

    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Entry(_Model):
    """One prompt as it is written; `schema` is judged apart, fault by fault."""

    title: _Title
    text: _Text
    system: _System | None = None
    parameters: Parameters = Parameters()
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")


class _File(_Model):
    version: Literal[1] = 1
    prompts: Annotated[dict[Annotated[str, Field(pattern=_NAME)], Entry], Field(min_length=1, max_length=MAX_PROMPTS)]


def check(value: object, lines: Lines) -> tuple[dict[str, Entry], list[Problem]]:
    """The prompts of a file, and everything that is wrong with it, in the order of its lines."""
    problems = list(_schema_problems(value, lines))
    try:
        prompts = _File.model_validate(value).prompts
    except ValidationError as error:
        prompts = {}
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        problems += [_problem(fault["loc"], _SAID.get(fault["type"], fault["msg"]), lines) for fault in faults]
    return prompts, sorted(problems, key=lambda problem: problem.line)


def _schema_problems(value: object, lines: Lines) -> list[Problem]:
    prompts = value.get("prompts") if isinstance(value, Mapping) else None
    found: list[Problem] = []
    for name, entry in prompts.items() if isinstance(prompts, Mapping) else ():
        schema = entry.get("schema") if isinstance(entry, Mapping) else None
        if isinstance(schema, dict):
            place = ("prompts", name, "schema")
            found += [_problem((*place, *fault.path), fault.message, lines) for fault in schema_faults(schema)]
    return found


def _problem(path: Path, message: str, lines: Lines) -> Problem:
    """Where a fault stands: on the line of its value, or of the nearest one around it."""
    path = tuple(part for part in path if part != "[key]")
    nearest = next(path[:size] for size in range(len(path), -1, -1) if path[:size] in lines or size == 0)
    words = message.removeprefix("Value error, ")
    return Problem(lines.get(nearest, 1), ".".join(map(str, path)), words[:1].lower() + words[1:])
