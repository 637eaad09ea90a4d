"""A question as the body of `POST /chat/completions`. Pure.

The pictures stand before the first words of the user: every later question about them begins with the same tokens,
which a server then need not compute again.
"""

import base64
import hashlib
import json
import re
from collections.abc import Set as AbstractSet
from typing import Any, Final

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion
from host_server.engines.upstream.refusals import Extra

__all__ = ["affinity", "body", "extras"]

_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME: Final = 64


def affinity(question: PreparedQuestion) -> str:
    """What it shares with the questions that begin with the same tokens: its first picture, else its first words."""
    if question.pictures:
        return question.pictures[0].sha256
    return question.system + "\0" + (question.history[0].text if question.history else question.text)


def extras(question: PreparedQuestion) -> frozenset[Extra]:
    """What of the question's body a server may refuse."""
    there: dict[Extra, bool] = {
        "uuid": bool(question.pictures),
        "template": True,
        "usage": True,
        "form": question.form is not None,
        "max_tokens": question.max_output_tokens is not None,
        "temperature": question.temperature is not None,
        "top_p": question.top_p is not None,
        "seed": question.seed is not None,
        "stop": bool(question.stop),
    }
    return frozenset(extra for extra, sent in there.items() if sent)


def body(question: PreparedQuestion, *, model: str, thinking: bool, without: AbstractSet[Extra] = frozenset()) -> bytes:
    """The JSON of the question for this model; `thinking` where the question does not say."""
    sent = extras(question) - without
    fields: dict[str, Any] = {"model": model, "messages": _messages(question, uuid="uuid" in sent), "stream": True}
    if question.max_output_tokens is not None:
        # The older name is understood by nearly all; the one server that refuses it knows the newer one.
        name = "max_tokens" if "max_tokens" in sent else "max_completion_tokens"
        fields[name] = question.max_output_tokens
    wants_thinking = thinking if question.thinking is None else question.thinking
    told: dict[Extra, tuple[str, Any]] = {
        "template": ("chat_template_kwargs", {"enable_thinking": wants_thinking}),
        "usage": ("stream_options", {"include_usage": True}),
        "form": ("response_format", _form(question.form)),
        "temperature": ("temperature", question.temperature),
        "top_p": ("top_p", question.top_p),
        "seed": ("seed", question.seed),
        "stop": ("stop", list(question.stop)),
    }
    fields |= dict(told[extra] for extra in told if extra in sent)
    # Half of a surrogate pair has no UTF-8: it becomes a question mark.
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _messages(question: PreparedQuestion, *, uuid: bool) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = [{"role": turn.role, "content": turn.text} for turn in question.history]
    turns.append({"role": "user", "content": _asked(question)})
    if question.pictures:
        first = next(turn for turn in turns if turn["role"] == "user")
        words = [{"type": "text", "text": first["content"]}] if first["content"].strip() else []
        first["content"] = [*(_part(picture, uuid=uuid) for picture in question.pictures), *words]
    return [*([{"role": "system", "content": question.system}] if question.system.strip() else []), *turns]


def _asked(question: PreparedQuestion) -> str:
    """What is asked and, where JSON is wanted, which: with `response_format` alone some models write only blanks."""
    form = question.form
    if form is None:
        return question.text
    schema = "" if form.schema is None else f" that fits this schema: {json.dumps(form.schema, ensure_ascii=False)}"
    return f"{question.text}\n\nAnswer with nothing but JSON{schema}"


def _part(picture: PreparedPicture, *, uuid: bool) -> dict[str, Any]:
    data = base64.b64encode(picture.jpeg).decode("ascii")
    part: dict[str, Any] = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
    if uuid:
        # Of these very bytes: the same photo is prepared in several sizes, and the server believes the name.
        part["uuid"] = hashlib.sha256(picture.jpeg).hexdigest()
    return part


def _form(form: AnswerForm | None) -> dict[str, Any]:
    if form is None or form.schema is None:
        return {"type": "json_object"}
    name = _NOT_A_NAME.sub("_", form.name)[:_LONGEST_NAME] or "answer"
    about = {"description": form.description} if form.description else {}
    return {"type": "json_schema", "json_schema": {"name": name, "schema": form.schema, **about}}
