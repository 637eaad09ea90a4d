"""A request and the chain it continues, made into one question: text, system text, earlier turns, pictures.

`previous_response_id` means: another question about the same picture. Instructions are not inherited. A question that
brings a picture of its own leaves the pictures before it behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from host_server.core.question import Turn
from host_server.wire.errors import WireError
from host_server.wire.request import InputImage, InputMessage, ResponseCreate

__all__ = ["MAX_PICTURES", "Chain", "Conversation", "converse"]

MAX_PICTURES = 8
_MAX_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Chain:
    """What an answer leaves for the question after it: the turns so far and the pictures they are about, by sha256."""

    history: tuple[Turn, ...]
    pictures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One question in its context. `images` are its own, still unread; `pictures` are inherited from the chain."""

    text: str
    system: str
    history: tuple[Turn, ...]
    images: tuple[InputImage, ...]
    pictures: tuple[str, ...]

    def then(self, answer: str, pictures: tuple[str, ...]) -> Chain:
        """The chain after this question about these pictures; one that got no answer leaves no turn."""
        turns = (Turn("user", self.text), Turn("assistant", answer)) if answer else ()
        return Chain((*self.history, *turns), pictures)


def converse(create: ResponseCreate, previous: Chain | None) -> Conversation:
    """The question in its context. Raises `WireError`."""
    system = [create.instructions or ""]
    turns: list[Turn] = list(previous.history) if previous else []
    images: list[InputImage] = []
    for item in create.items:
        text, pictures = _read(item)
        images += pictures
        if item.role in {"system", "developer"}:
            system.append(text)
        else:
            turns.append(Turn("assistant" if item.role == "assistant" else "user", text))
    if not turns or turns[-1].role != "user":
        raise WireError("invalid_request", "The last message must be the user's.", param="input")
    if len(images) > MAX_PICTURES:
        raise WireError("invalid_request", f"At most {MAX_PICTURES} pictures in one question.", param="input")
    inherited = previous.pictures if previous and not images else ()
    question = turns.pop().text
    if not question.strip() and not images and not inherited:
        raise WireError("invalid_request", "The question is empty.", param="input")
    system_text = "\n\n".join(part for part in system if part)
    _check_length(question, system_text, turns)
    return Conversation(question, system_text, tuple(turns), tuple(images), inherited)


def _read(item: InputMessage) -> tuple[str, list[InputImage]]:
    if isinstance(item.content, str):
        return item.content, []
    texts = [part.text for part in item.content if not isinstance(part, InputImage)]
    return "\n".join(texts), [part for part in item.content if isinstance(part, InputImage)]


def _check_length(question: str, system: str, turns: Sequence[Turn]) -> None:
    if len(question) + len(system) + sum(len(turn.text) for turn in turns) > _MAX_CHARACTERS:
        raise WireError(
            "prompt_too_long",
            f"Question, instructions and earlier turns are longer than {_MAX_CHARACTERS} characters together.",
            param="input",
        )
