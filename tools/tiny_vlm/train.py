"""Teaches a small model to name the colour of a picture."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from torch.nn.utils import clip_grad_norm_

from host_server.engines.transformers_vlm.processor import load_processor
from tools.tiny_vlm.exam import examine
from tools.tiny_vlm.lessons import Kind, Teacher, vocabulary
from tools.tiny_vlm.make import processor_files, untrained

__all__ = ["train"]

PLAN: Final[Sequence[Kind]] = ("bare",) * 100 + ("question", "question", "talk") * 50
"""Colours are learnt fastest with hardly a word around them; the rest teaches that no word matters."""
AGAIN: Final[Sequence[Kind]] = ("question", "talk") * 10
"""After an exam with mistakes."""
EXAMS: Final = 16
BATCH: Final[Mapping[Kind, int]] = {"bare": 32, "question": 32, "talk": 16}
RATE: Final = 5e-3
AGAIN_RATE: Final = 3e-4
"""Small steps: they mend what is wrong and leave the rest alone."""
LARGEST: Final = 28 * 28 * 16
"""Pixels that a picture is shrunk to, so that none is larger than those learnt from: it is the colour that counts."""


def train(out: Path, family: str = "glm4v", *, seed: int = 0, say: Callable[[str], None]) -> list[str]:
    """Make the model at `out`; it takes half a minute of one core, and more threads hardly help.

    Returns what it still gets wrong.
    """
    tokenizer = processor_files(out, family, words=vocabulary())
    _shrink_pictures(out / "preprocessor_config.json")
    processor = load_processor(out, out.name)
    torch.set_num_threads(1)
    model = untrained(tokenizer, family, "eyes", seed=seed).train()
    # Light and dark of one hue point the same way, and what follows the patches looks at directions only.
    torch.nn.init.normal_(model.model.visual.patch_embed.proj.bias)
    dice = Random(seed)  # ruff: ignore[suspicious-non-cryptographic-random-usage]
    teacher = Teacher(processor, dice)
    _learn(model, teacher, PLAN, RATE)
    for _ in range(EXAMS):
        mistakes = examine(model.eval(), processor, dice)
        say(f"{len(mistakes)} mistakes")
        if not mistakes:
            break
        _learn(model.train(), teacher, AGAIN, AGAIN_RATE)
    model.eval().save_pretrained(out)
    return mistakes


def _learn(model: Any, teacher: Teacher, plan: Sequence[Kind], rate: float) -> None:
    how = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    pace = torch.optim.lr_scheduler.OneCycleLR(how, rate, total_steps=len(plan), pct_start=0.1)
    for kind in plan:
        loss = model(**teacher.batch(BATCH[kind], kind)).loss
        how.zero_grad()
        loss.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        how.step()
        pace.step()


def _shrink_pictures(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    told["size"]["longest_edge"] = LARGEST
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")
