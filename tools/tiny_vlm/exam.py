"""Asks a trained model about pictures that it has never seen, through the real processor and plain `generate()`."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Any, Final

import torch
from PIL import Image

from tools.tiny_vlm.colours import ASKED, COLOURS, drawn
from tools.tiny_vlm.lessons import answer, conversation

__all__ = ["examine"]

SIZES: Final = ((84, 84), (70, 130), (640, 480), (108, 234))
TOGETHER: Final = 64


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    prompt: str
    expected: str
    picture: Image.Image


def examine(model: Any, processor: Any, dice: Random) -> list[str]:
    """What is answered wrongly; every colour in every language and manner, as a JPEG file would show it."""
    questions = list(_questions(processor, dice))
    wrong = []
    for start in range(0, len(questions), TOGETHER):
        some = questions[start : start + TOGETHER]
        for question, said in zip(some, _answers(model, processor, some), strict=True):
            if said != question.expected:
                wrong.append(f"{question.name} {question.picture.size}: {said!r} for {question.expected!r}")
    return wrong


def _questions(processor: Any, dice: Random) -> Iterator[_Question]:
    for name in COLOURS:
        for language, asked in ASKED.items():
            other = "zh" if language == "en" else "en"
            before = [(ASKED[other], answer(name, other))]
            for turns, thinking, size in (
                ([], False, SIZES[0]),
                (before, False, dice.choice(SIZES)),
                ([], True, SIZES[1]),
            ):
                messages = conversation(asked, turns=turns)
                prompt = processor.apply_chat_template(messages, add_generation_prompt=True, enable_thinking=thinking)
                expected = answer(name, language, thinking=thinking)
                yield _Question(name, prompt, expected, _as_jpeg(drawn(name, dice, size)))


def _answers(model: Any, processor: Any, some: list[_Question]) -> list[str]:
    pictures = [question.picture for question in some]
    inputs = processor(text=[question.prompt for question in some], images=pictures, padding=True, return_tensors="pt")
    with torch.inference_mode():
        tokens = model.generate(**inputs, max_new_tokens=40)
    width = inputs["input_ids"].shape[1]
    return [processor.tokenizer.decode(row[width:], skip_special_tokens=True) for row in tokens]


def _as_jpeg(picture: Image.Image) -> Image.Image:
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return Image.open(file)
