"""What the host and an engine's process say to each other, to and from the values of `engines.base`.

```
host ► child   warm {id} · ask {id, …} + pictures · cancel {id} · ping
child ► host   piece {id, text, tokens, cut} · done {id} · failed {id, kind, message, hint} · pong · log {level, text}
```
"""

from dataclasses import asdict, fields
from itertools import starmap
from typing import Any, Final

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion, Turn
from host_server.engines.base import EngineClosedError, EngineError, Piece
from host_server.engines.process.frames import Frame, FrameError, Json, encode

__all__ = ["ask", "error_of", "failed", "number_of", "piece", "piece_of", "question_of"]

_LONGEST_WORDS: Final = 500
_PICTURE_FIELDS: Final = tuple(field.name for field in fields(PreparedPicture) if field.name != "jpeg")


def ask(number: int, question: PreparedQuestion) -> bytes:
    """A question as a frame. Raises `FrameError` when it is too large."""
    pictures = [
        {name: getattr(picture, name) for name in _PICTURE_FIELDS} | {"bytes": len(picture.jpeg)}
        for picture in question.pictures
    ]
    message = {
        "type": "ask",
        "id": number,
        "text": question.text,
        "system": question.system,
        "history": [[turn.role, turn.text] for turn in question.history],
        "max_output_tokens": question.max_output_tokens,
        "temperature": question.temperature,
        "form": question.form and asdict(question.form),
        "pictures": pictures,
    }
    return encode(message, b"".join(picture.jpeg for picture in question.pictures))


def question_of(frame: Frame) -> PreparedQuestion:
    """The question in a frame that `ask` made: the child trusts the host."""
    message, blob = frame
    pictures: list[PreparedPicture] = []
    start = 0
    for told in message["pictures"]:
        end = start + told.pop("bytes")
        pictures.append(PreparedPicture(**told, jpeg=blob[start:end]))
        start = end
    return PreparedQuestion(
        text=message["text"],
        pictures=tuple(pictures),
        system=message["system"],
        history=tuple(starmap(Turn, message["history"])),
        max_output_tokens=message["max_output_tokens"],
        temperature=message["temperature"],
        form=message["form"] and AnswerForm(**message["form"]),
    )


def piece(number: int, said: Piece) -> Json:
    """A piece of an answer as a message."""
    return {"type": "piece", "id": number, "text": said.text, "tokens": said.tokens, "cut": said.cut}


def piece_of(message: Json) -> Piece:
    """The piece in a message of the child. Raises `FrameError`."""
    text, tokens, cut = message.get("text"), message.get("tokens"), message.get("cut")
    if not isinstance(text, str) or not text or type(tokens) is not int or tokens < 1 or not isinstance(cut, bool):
        raise FrameError("no piece of an answer")
    return Piece(text, tokens, cut)


def failed(number: int, error: EngineError) -> Json:
    """An engine's failure as a message."""
    kind = "closed" if isinstance(error, EngineClosedError) else "error"
    return {"type": "failed", "id": number, "kind": kind, "message": error.message, "hint": error.hint}


def error_of(message: Json) -> EngineError:
    """The failure in a message of the child."""
    words, hint = (str(message.get(name, ""))[:_LONGEST_WORDS] for name in ("message", "hint"))
    return EngineClosedError(words) if message.get("kind") == "closed" else EngineError(words, hint=hint)


def number_of(message: Json) -> int:
    """Which request a message of the child belongs to. Raises `FrameError`."""
    number: Any = message.get("id")
    if type(number) is not int:
        raise FrameError("a message without its number")
    return number
