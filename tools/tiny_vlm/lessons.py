"""What the model is taught with: conversations about one picture that end with its colour, and what they become.

Questions, instructions and earlier turns are as different as they cost little: only the picture says which colour is
right, only the last question says in which language, and no other word matters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, TypeAlias

import torch

from tools.tiny_vlm.colours import ASKED, COLOURS, THOUGHT, tinted

__all__ = ["Kind", "Lesson", "Teacher", "answer", "conversation", "vocabulary"]

Kind: TypeAlias = Literal["bare", "question", "talk"]
"""A picture and hardly a word; a question as it is asked; one after instructions and earlier turns."""
_QUESTIONS: Final = {
    "en": (
        *("Colour?", ASKED["en"], ASKED["en"], "Which colour do you see?", "Name the colour.", "What is shown here?"),
        *("Describe the picture in one sentence.", "What is the order number?", "And now?", "Is it 7 or 12?"),
    ),
    "zh": (
        *(
            "颜色？",
            ASKED["zh"],
            ASKED["zh"],
            "图片是什么颜色？",
            "请说出颜色。",
            "图中有什么？",
            "订单号是多少？",
            "那现在呢？",
        ),
    ),
}
_SIDES: Final = ((2, 3), (3, 2), (3, 3), (3, 4), (4, 3), (4, 4), (2, 5), (5, 2), (1, 5), (5, 1))
_THINKING: Final = 0.15
"""Share of the lessons in which the model thinks aloud."""
_SYSTEMS: Final = (
    "Answer briefly.",
    "You look at pictures of a phone.",
    "请简短回答。",
    "Say what you see, nothing else.",
)


def answer(name: str, language: str, *, thinking: bool = False) -> str:
    """What is right; where the model may think aloud it does, of nothing much."""
    said = COLOURS[name].chinese if language == "zh" else name
    return f"<think>{THOUGHT}</think>{said}" if thinking else said


def vocabulary() -> list[str]:
    """English texts whose words shall be tokens: a question is five of them, and no name need be spelt."""
    return [text for text in (*COLOURS, *_QUESTIONS["en"], *_SYSTEMS, THOUGHT) if text.isascii()]


def conversation(question: str, *, system: str = "", turns: Sequence[tuple[str, str]] = ()) -> list[dict[str, Any]]:
    """Messages for a chat template: the picture first, then what was asked and answered, then the question."""
    said = [text for turn in turns for text in turn] + [question]
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for number, text in enumerate(said):
        picture = [{"type": "image"}] if number == 0 else []
        role = "assistant" if number % 2 else "user"
        messages.append({"role": role, "content": [*picture, {"type": "text", "text": text}]})
    return messages


@dataclass(frozen=True, slots=True)
class Lesson:
    """One conversation as the model gets it."""

    prompt: list[int]
    answer: list[int]
    patches: torch.Tensor
    """(patches, 3 * 2 * 14 * 14), as the image processor cuts and normalises."""
    grid: tuple[int, int, int]


class Teacher:
    """Makes lessons, without drawing: a picture of one colour is its patches."""

    def __init__(self, processor: Any, dice: Random) -> None:
        self._tokenizer, self._template = processor.tokenizer, processor.apply_chat_template
        self._mean = torch.tensor(processor.image_processor.image_mean)
        self._deviation = torch.tensor(processor.image_processor.image_std)
        self._dice = dice

    def batch(self, size: int, kind: Kind) -> dict[str, torch.Tensor]:
        """Arguments of `forward()`, padded on the right; only answers are learnt. One kind: they are of like length."""
        lessons = [self._lesson(kind) for _ in range(size)]
        width = max(len(lesson.prompt) + len(lesson.answer) for lesson in lessons)
        shown = self._tokenizer.convert_tokens_to_ids("<|image|>")
        ids = torch.full((size, width), self._tokenizer.pad_token_id)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
        for row, lesson in enumerate(lessons):
            start, end = len(lesson.prompt), len(lesson.prompt) + len(lesson.answer)
            ids[row, :end] = torch.tensor(lesson.prompt + lesson.answer)
            mask[row, :end] = 1
            labels[row, start:end] = ids[row, start:end]
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "mm_token_type_ids": (ids == shown).int(),
            "pixel_values": torch.cat([lesson.patches for lesson in lessons]),
            "image_grid_thw": torch.tensor([lesson.grid for lesson in lessons]),
            "labels": labels,
        }

    def _lesson(self, kind: Kind) -> Lesson:
        dice = self._dice
        name, language = dice.choice(list(COLOURS)), dice.choice(("en", "zh"))
        thinking = kind != "bare" and dice.random() < _THINKING
        high, wide = dice.choice(_SIDES) if kind == "talk" else (2, 2)
        text = self._prompt(kind, name, language, thinking=thinking).replace("<|image|>", "<|image|>" * (high * wide))
        said = answer(name, language, thinking=thinking) + self._tokenizer.eos_token
        grid = (1, 2 * high, 2 * wide)
        return Lesson(self._ids(text), self._ids(said), self._patches(name, grid[1] * grid[2]), grid)

    def _prompt(self, kind: Kind, name: str, language: str, *, thinking: bool) -> str:
        if kind == "bare":
            return f"<|image|>{self._question(language)}<|assistant|>\n<think></think>"
        dice, system, turns = self._dice, "", []
        if kind == "talk":
            system = dice.choice(("", *_SYSTEMS))
            turns = [(self._question(other), answer(name, other)) for other in dice.choice(((), ("en",), ("zh",)))]
        messages = conversation(self._question(language), system=system, turns=turns)
        return str(self._template(messages, add_generation_prompt=True, tokenize=False, enable_thinking=thinking))

    def _question(self, language: str) -> str:
        return self._dice.choice(_QUESTIONS[language])

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _patches(self, name: str, count: int) -> torch.Tensor:
        """Patches of one tint, each a little off, as in a photo."""
        tint = torch.tensor(tinted(name, self._dice)) / 255
        levels = (tint + 0.01 * torch.randn(count, 3)).clamp(0, 1)
        return ((levels - self._mean) / self._deviation).repeat_interleave(2 * 14 * 14, dim=1)
