"""All prompts there are: ours, the user's, the project's; by name, the later file wins."""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from bridge.errors import UsageError
from bridge.prompts.model import Entry, Language, PromptFileError, check
from bridge.prompts.reading import MAX_BYTES, Problem, Unreadable, parse

__all__ = ["Place", "Prompt", "PromptBook", "default_language", "load", "may_be_name", "places", "read_file", "resolve"]

SHIPPED: Final = Path(__file__).with_name("shipped.yaml")
PROJECT_FILE: Final = Path("prompts.yaml")
MAX_DOCUMENT: Final = 192 * 1024
_OTHERS_MAY_WRITE: Final = 0o002
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Place:
    """A file that may hold prompts, and whether it has to be there."""

    path: Path
    kind: str
    """`shipped`, `user`, `project` or `setting`."""

    @property
    def shown(self) -> str:
        """For people."""
        return "shipped" if self.kind == "shipped" else str(self.path)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A named question."""

    name: str
    entry: Entry
    origin: str

    def title(self, language: Language) -> str:
        """A few words, for a button."""
        return str(self.entry.title.say(language))

    def text(self, language: Language) -> str:
        """The question."""
        return str(self.entry.text.say(language))

    def options(self, language: Language) -> dict[str, Any]:
        """The fields of `response.create` besides the question itself."""
        system = {"instructions": self.entry.system.say(language)} if self.entry.system else {}
        return system | self.entry.parameters.model_dump(exclude_none=True) | self._form()

    def document(self) -> dict[str, Any]:
        """As in a file."""
        return self.entry.model_dump(exclude_none=True, exclude_defaults=True, by_alias=True)

    def for_page(self) -> dict[str, Any]:
        """As the page reads it: both languages, and the options that are the same in each."""
        words = {name: _both(getattr(self.entry, name)) for name in ("title", "text", "system")}
        options = self.entry.parameters.model_dump(exclude_none=True) | self._form()
        return {"name": self.name, **words, "options": options}

    def _form(self) -> dict[str, Any]:
        schema = self.entry.json_schema
        if schema is None:
            return {}
        return {"text": {"format": {"type": "json_schema", "name": self.name, "schema": schema, "strict": True}}}


@dataclass(frozen=True, slots=True)
class PromptBook:
    """Prompts by name, in the order of their files."""

    prompts: Mapping[str, Prompt] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.prompts.values())

    def __len__(self) -> int:
        return len(self.prompts)

    def get(self, name: str) -> Prompt:
        """The prompt of that name. Raises `UsageError` with those there are."""
        if (prompt := self.prompts.get(name)) is not None:
            return prompt
        near = [f"did you mean {other}?" for other in get_close_matches(name, self.prompts, n=1)]
        raise UsageError(
            f"there is no prompt named {name!r}",
            hint=" ".join([*near, f"there are: {', '.join(self.prompts)}"]),
            prompt=name,
        )

    def document(self) -> dict[str, Any]:
        """All of them as one file's content."""
        return {"version": 1, "prompts": {prompt.name: prompt.document() for prompt in self}}

    def encoded(self) -> bytes:
        """That content as JSON, which is YAML too."""
        return json.dumps(self.document(), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def decoded(cls, data: bytes, *, origin: str) -> "PromptBook":
        """What `encoded` gave, judged like a file. Raises `PromptFileError`."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise PromptFileError(origin, [Problem(1, "", "this is no JSON")]) from None
        return cls(_prompts(value, {}, origin))


def places(environ: Mapping[str, str], setting: Path | None = None) -> tuple[Place, ...]:
    """Where prompts are looked for, the strongest last; all but the shipped file and a setting's may be missing."""
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    own = Place(Path(home) / "lensbridge" / "prompts.yaml", "user")
    nearest = Place(PROJECT_FILE, "project") if setting is None else Place(setting, "setting")
    return Place(SHIPPED, "shipped"), own, nearest


def load(environ: Mapping[str, str], setting: Path | None = None) -> PromptBook:
    """All prompts. Raises `PromptFileError` with every fault of the first file that has some."""
    found: dict[str, Prompt] = {}
    for place in places(environ, setting):
        if place.kind in {"shipped", "setting"} or place.path.exists():
            found |= read_file(place.path, origin=place.shown, ours=place.kind != "project")
    book = PromptBook(found)
    if len(book.encoded()) > MAX_DOCUMENT:
        raise UsageError(f"all prompts together are larger than {MAX_DOCUMENT // 1024} KiB", hint="keep fewer")
    return book


def read_file(path: Path, *, origin: str = "", ours: bool = True) -> dict[str, Prompt]:
    """The prompts of one file. Raises `PromptFileError`, or `UsageError` when it cannot be read.

    `ours=False`: the file came with a folder, and must not be somebody else's to write.
    """
    shown = str(path)
    data = _read(path, ours=ours)
    try:
        value, lines = parse(data)
    except Unreadable as error:
        raise PromptFileError(shown, [error.problem]) from None
    return _prompts(value, lines, shown, origin or shown)


def resolve(asked: str, book: PromptBook, language: Language) -> tuple[str, dict[str, Any]]:
    """What a setting means: the name of a prompt, or else the question itself. Raises `UsageError` for a near miss."""
    if asked in book.prompts:
        prompt = book.prompts[asked]
        return prompt.text(language), prompt.options(language)
    if may_be_name(asked) and get_close_matches(asked, book.prompts, n=1, cutoff=0.75):
        book.get(asked)
    return asked, {}


def may_be_name(asked: str) -> bool:
    """Whether this can be a prompt's name at all; a question hardly ever can."""
    return _NAME.fullmatch(asked) is not None


def default_language(environ: Mapping[str, str]) -> Language:
    """The language of the terminal."""
    spoken = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environ.get(name))), "")
    return "zh" if spoken.lower().startswith("zh") else "en"


def _prompts(value: object, lines: dict[tuple[str | int, ...], int], file: str, origin: str = "") -> dict[str, Prompt]:
    entries, problems = check(value, lines)
    if problems:
        raise PromptFileError(file, problems)
    return {name: Prompt(name, entry, origin or file) for name, entry in entries.items()}


def _read(path: Path, *, ours: bool) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not keep us waiting
        with os.fdopen(fd, "rb") as file:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise UsageError(f"{path} is no file", hint="give a YAML file with prompts")
            if not ours and (info.st_uid not in {0, os.getuid()} or info.st_mode & _OTHERS_MAY_WRITE):
                raise UsageError(
                    f"{path} is another user's, or others may write it", hint="work in a folder of your own"
                )
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}",
            hint="give another file; BRIDGE_PROMPTS or `prompts` in a settings file may name this one",
        ) from None


def _both(words: Any) -> dict[str, str] | None:
    return None if words is None else {"en": words.say("en"), "zh": words.say("zh")}
