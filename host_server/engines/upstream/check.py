"""Ask an upstream about one picture, as the host would, and say what stands in the way: for `bridge doctor --upstream`.

The picture is a plain sheet of one of four colours: what a model without eyes says of it is mostly wrong.
"""

import io
import random
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Literal

from host_server.core.question import PreparedPicture, PreparedQuestion
from host_server.engines.base import EngineError
from host_server.engines.options import EngineOptions
from host_server.engines.upstream.engine import create

__all__ = ["Found", "check", "judge_answer"]

_SIDE: Final = 224
_MOST_TOKENS: Final = 200
_MOST_SHOWN: Final = 80
_SHEETS: Final[Mapping[str, tuple[tuple[int, int, int], tuple[str, ...]]]] = {
    "red": ((220, 20, 20), ("red", "红")),
    "green": ((20, 160, 40), ("green", "绿")),
    "blue": ((20, 40, 220), ("blue", "蓝")),
    "yellow": ((250, 220, 20), ("yellow", "黄")),
}


@dataclass(frozen=True, slots=True)
class Found:
    """One finding, in the doctor's words."""

    check: str
    status: Literal["PASS", "WARN", "FAIL"]
    text: str
    hint: str = ""


async def check(url: str, model: str, key_env: str | None) -> list[Found]:
    """Everything that can be said after one question. Raises nothing for a server that misbehaves."""
    try:
        engine = create(model, EngineOptions(upstreams=(url,), upstream_key_env=key_env))
    except EngineError as error:
        return [_failed("settings", error)]
    try:
        try:
            await engine.warm_up()
        except EngineError as error:
            return [_failed("reach", error)]
        reached = Found("reach", "PASS", "the server answers")
        colour = random.choice(tuple(_SHEETS))  # ruff: ignore[suspicious-non-cryptographic-random-usage] no secret
        question = PreparedQuestion(
            "Which colour is this sheet? Answer with one word.",
            (_sheet(colour),),
            max_output_tokens=_MOST_TOKENS,
        )
        began, said = time.monotonic(), ""
        try:
            async with aclosing(engine.answer(question)) as pieces:
                async for piece in pieces:
                    said += "" if piece.thinking else piece.text
        except EngineError as error:
            return [reached, _failed("answer", error)]
        return [reached, judge_answer(said, colour, took_s=time.monotonic() - began)]
    finally:
        await engine.close()


def judge_answer(said: str, colour: str, *, took_s: float) -> Found:
    """Whether the model looked at the sheet."""
    if not said.strip():
        hint = "does the model think for longer than 200 tokens, or is it no chat model?"
        return Found("answer", "FAIL", "the answer was empty", hint)
    shown = " ".join(said.split())[:_MOST_SHOWN]
    if any(word in said.lower() for word in _SHEETS[colour][1]):
        return Found("answer", "PASS", f"it looked at a {colour} picture and said so in {took_s:.1f} s")
    hint = "is it a vision model? llama.cpp needs its --mmproj file, Ollama a model with the tag `vision`"
    return Found("answer", "WARN", f"it was shown a {colour} sheet and said «{shown}»", hint)


def _failed(check: str, error: EngineError) -> Found:
    return Found(check, "FAIL", error.message, error.hint or "the server's own log says why")


def _sheet(colour: str) -> PreparedPicture:
    import hashlib

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (_SIDE, _SIDE), _SHEETS[colour][0]).save(out, "JPEG")
    data = out.getvalue()
    return PreparedPicture(
        sha256=hashlib.sha256(data).hexdigest(),
        width=_SIDE,
        height=_SIDE,
        jpeg=data,
        original_width=_SIDE,
        original_height=_SIDE,
        original_bytes=len(data),
        original_media_type="image/jpeg",
    )
