"""Makes a model: a folder as from a hub (`make`), or the parts in memory for those that want no disk (`untrained`)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForImageTextToText, GenerationConfig, PreTrainedTokenizerFast

from tools.tiny_vlm.families import FAMILIES, Family
from tools.tiny_vlm.shapes import SHAPES, config, vocabulary

__all__ = ["make", "processor_files", "untrained"]


def make(out: Path, family: str, size: str = "tiny", *, seed: int = 0) -> None:
    """Write config, tokenizer, processor, chat template and random weights; the same bytes for the same seed."""
    tokenizer = processor_files(out, family)
    untrained(tokenizer, family, size, seed=seed).save_pretrained(out)


def processor_files(out: Path, family: str, *, words: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """All but the model: what `AutoProcessor.from_pretrained(out)` reads. `words` become tokens of their own."""
    out.mkdir(parents=True, exist_ok=True)
    kind = FAMILIES[family]
    tokenizer = _tokenizer(kind, words)
    tokenizer.save_pretrained(out)
    names = {"processor_class": kind.image_processor["processor_class"], **kind.processor_extra}
    _write(out / "preprocessor_config.json", kind.image_processor)
    _write(out / "processor_config.json", names)
    if kind.video_processor:
        _write(out / "video_preprocessor_config.json", {"video_processor_type": kind.video_processor})
    (out / "chat_template.jinja").write_text(kind.chat_template, encoding="utf-8")
    return tokenizer


def untrained(
    tokenizer: PreTrainedTokenizerFast,
    family: str,
    size: str = "tiny",
    *,
    seed: int = 0,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Any:
    """A model of random weights, made where it shall run: 9 billion of them never pass through a disk."""
    torch.manual_seed(seed)
    shape = SHAPES[size]
    with torch.device(device):
        model = AutoModelForImageTextToText.from_config(config(family, shape, tokenizer), dtype=dtype).eval()
    model.generation_config = _generation(FAMILIES[family], tokenizer, vocabulary(shape, tokenizer))
    return model


def _tokenizer(kind: Family, words: Sequence[str]) -> PreTrainedTokenizerFast:
    """Bytes are the tokens, beside some words: every text comes back whole, and a Chinese character is three tokens."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core.train_from_iterator(words, trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(mark, special=True) for mark in kind.special])
    core.add_tokens([AddedToken(mark, special=False) for mark in kind.plain])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=kind.eos[0],
        pad_token=kind.pad,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=32_768,
        **kind.tokenizer_extra,
    )


def _generation(kind: Family, tokenizer: PreTrainedTokenizerFast, size: int) -> GenerationConfig:
    """Ids past the tokenizer are never answered, nor are marks that are no text."""
    spoken = {*kind.eos, *kind.plain}
    unspoken = sorted(number for mark, number in tokenizer.get_added_vocab().items() if mark not in spoken)
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=64,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=[tokenizer.convert_tokens_to_ids(mark) for mark in kind.eos],
        suppress_tokens=[*unspoken, *range(len(tokenizer), size)],
    )


def _write(path: Path, told: Any) -> None:
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")
