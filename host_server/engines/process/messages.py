"""What the host and an engine's process say to each other, to and from the values of `engines.base`.

```
host ► child   warm {id, form} · ask {id, …} + pictures · cancel {id} · ping
child ► host   piece {id, text, tokens, …} · done {id} · failed {id, kind, message, hint} · log {level, text}
               pong {memory: {rss, device}, steps}
```
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import starmap
from typing import Any, Final

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion, Turn
from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    EngineOutOfMemoryError,
    EngineRestartedError,
    Piece,
    PromptTooLongError,
    Report,
    UpstreamError,
)
from host_server.engines.options import EngineOptions
from host_server.engines.process.frames import Frame, FrameError, Json, encode

__all__ = [
    "FORM",
    "ask",
    "error_of",
    "failed",
    "memory_of",
    "number_of",
    "piece",
    "piece_of",
    "pong",
    "question_of",
    "steps_of",
]

_LONGEST_WORDS: Final = 500
_PICTURE_FIELDS: Final = tuple(field.name for field in fields(PreparedPicture) if field.name != "jpeg")
_PLAIN_FIELDS: Final = (
    *("text", "system", "max_output_tokens", "temperature", "top_p", "seed", "thinking", "priority", "asker"),
)
_REPORT_FIELDS: Final = tuple((field.name, field.type) for field in fields(Report))
_ERRORS: Final[dict[str, type[EngineError]]] = {
    "closed": EngineClosedError,
    "memory": EngineOutOfMemoryError,
    "restarted": EngineRestartedError,
    "too_long": PromptTooLongError,
    "upstream": UpstreamError,
}
_KINDS: Final = {kind: name for name, kind in _ERRORS.items()}
_MOST_TOKENS: Final = 1 << 40
_MOST_BYTES: Final = 1 << 50
_KINDS_OF_MEMORY: Final = frozenset({"rss", "device"})

_SAID: Final = (PreparedQuestion, PreparedPicture, Report, EngineOptions)
FORM: Final = hashlib.sha256(repr([[field.name for field in fields(kind)] for kind in _SAID]).encode()).hexdigest()
"""What both sides must agree on. They differ where the software was exchanged under a running host."""


def ask(number: int, question: PreparedQuestion) -> bytes:
    """A question as a frame. Raises `FrameError` when it is too large."""
    pictures = [
        {name: getattr(picture, name) for name in _PICTURE_FIELDS} | {"bytes": len(picture.jpeg)}
        for picture in question.pictures
    ]
    message = {
        "type": "ask",
        "id": number,
        **{name: getattr(question, name) for name in _PLAIN_FIELDS},
        "stop": list(question.stop),
        "history": [[turn.role, turn.text] for turn in question.history],
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
        **{name: message[name] for name in _PLAIN_FIELDS},
        stop=tuple(message["stop"]),
        pictures=tuple(pictures),
        history=tuple(starmap(Turn, message["history"])),
        form=message["form"] and AnswerForm(**message["form"]),
    )


def piece(number: int, said: Piece) -> Json:
    """A piece of an answer as a message."""
    message = {"type": "piece", "id": number, "text": said.text, "tokens": said.tokens, "cut": said.cut}
    if said.thinking:
        message["thinking"] = True
    if said.report is not None:
        message["report"] = asdict(said.report)
    return message


def piece_of(message: Json) -> Piece:
    """The piece in a message of the child. Raises `FrameError`."""
    text, tokens, cut = message.get("text"), message.get("tokens"), message.get("cut")
    thinking, told = message.get("thinking", False), message.get("report")
    report = None if told is None else _report_of(told)
    if not isinstance(text, str) or type(tokens) is not int or not bool(text) <= tokens < _MOST_TOKENS:
        raise FrameError("no piece of an answer")
    if not isinstance(cut, bool) or not isinstance(thinking, bool) or not (text or report or cut):
        raise FrameError("no piece of an answer")
    return Piece(_whole(text), tokens, cut, thinking, report)


def _report_of(told: object) -> Report:
    if not isinstance(told, dict) or told.keys() != {name for name, _ in _REPORT_FIELDS}:
        raise FrameError("no report")
    for name, kind in _REPORT_FIELDS:
        value = told[name]
        if type(value) not in ({int} if kind is int else {int, float}) or not 0 <= value < _MOST_TOKENS:
            raise FrameError("no report")
    return Report(**told)


def failed(number: int, error: EngineError) -> Json:
    """An engine's failure as a message."""
    kind = _KINDS.get(type(error), "error")
    return {"type": "failed", "id": number, "kind": kind, "message": error.message, "hint": error.hint}


def error_of(message: Json) -> EngineError:
    """The failure in a message of the child."""
    words, hint = (_whole(str(message.get(name, ""))[:_LONGEST_WORDS]) for name in ("message", "hint"))
    return _ERRORS.get(str(message.get("kind")), EngineError)(words, hint=hint)


def pong(memory: Mapping[str, int], steps: int = 0) -> Json:
    """The child is there, holds so much, and has made so many steps."""
    return {"type": "pong", "memory": dict(memory), "steps": steps}


def memory_of(message: Json) -> dict[str, int]:
    """What the child says it holds. Raises `FrameError`."""
    told = message.get("memory")
    if not isinstance(told, dict) or not told.keys() <= _KINDS_OF_MEMORY:
        raise FrameError("no memory")
    if any(type(size) is not int or not 0 <= size < _MOST_BYTES for size in told.values()):
        raise FrameError("no memory")
    return told


def steps_of(message: Json) -> int:
    """How many steps the child says it has made. Raises `FrameError`."""
    steps: Any = message.get("steps")
    if type(steps) is not int:
        raise FrameError("no steps")
    return steps


def number_of(message: Json) -> int:
    """Which request a message of the child belongs to. Raises `FrameError`."""
    number: Any = message.get("id")
    if type(number) is not int:
        raise FrameError("a message without its number")
    return number


def _whole(text: str) -> str:
    """Half of a character goes through these pipes, and through nothing behind them: it becomes a question mark."""
    return text if text.isascii() else text.encode(errors="replace").decode()
