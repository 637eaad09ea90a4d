"""How large a model is made, and the configuration of each family in that size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerFast

__all__ = ["SHAPES", "Shape", "config"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the text tower, then of the vision tower."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    inner: int
    seen: int
    """Width of the vision tower."""
    seen_layers: int
    seen_heads: int
    vocabulary: int | None = None
    """None: as many as the tokenizer has."""
    spread: float = 0.02
    """Of the random weights. Wide enough, an answer wanders over the vocabulary and hangs on the picture: with 0.02 a
    tiny model says one token over and over, and a test that compares two such answers compares nothing."""


SHAPES: Final[Mapping[str, Shape]] = {
    "tiny": Shape(64, 2, 4, 2, 128, 32, 2, 2, spread=0.2),
    "base": Shape(1024, 12, 16, 4, 3072, 512, 8, 8, 32_000, spread=0.05),
    # What is trained: a wide text tower learns 32 names in fewer steps than a deep one.
    "eyes": Shape(64, 2, 4, 2, 256, 32, 1, 2, spread=0.1),
    # GLM-4.6V-Flash, as transformers' own defaults for glm4v have it: 9.4 billion weights in text, 0.9 in vision.
    "9b": Shape(4096, 40, 32, 2, 13_696, 1536, 24, 12, 151_552),
}


def config(family: str, shape: Shape, tokenizer: "PreTrainedTokenizerFast") -> "PreTrainedConfig":
    """What `AutoModelForImageTextToText.from_config` takes."""
    from transformers import AutoConfig

    text = {
        "vocab_size": vocabulary(shape, tokenizer),
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "intermediate_size": shape.inner,
        "max_position_embeddings": 32_768,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
        "initializer_range": shape.spread,
    }
    make = {"glm4v": _glm, "glm46v": _glm, "qwen2_5_vl": _qwen, "idefics3": _idefics, "llava": _llava}[family]
    return AutoConfig.for_model(family, **make(shape, text, tokenizer))


def vocabulary(shape: Shape, tokenizer: "PreTrainedTokenizerFast") -> int:
    """Rows of the embedding: at least the tokenizer's, in eights."""
    return shape.vocabulary or (len(tokenizer) + 7) // 8 * 8


def _glm(shape: Shape, text: dict[str, Any], tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    return {
        # As in GLM-4, half of each head is turned.
        "text_config": _turned(text, "glm4v_text", shape, share=0.5),
        "vision_config": {
            "model_type": "glm4v_vision",
            "depth": shape.seen_layers,
            "initializer_range": shape.spread,
            "hidden_size": shape.seen,
            "num_heads": shape.seen_heads,
            "intermediate_size": shape.inner,
            "out_hidden_size": shape.hidden,
            "image_size": 336,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        "image_token_id": _id(tokenizer, "<|image|>"),
        "video_token_id": _id(tokenizer, "<|video|>"),
        "image_start_token_id": _id(tokenizer, "<|begin_of_image|>"),
        "image_end_token_id": _id(tokenizer, "<|end_of_image|>"),
        "video_start_token_id": _id(tokenizer, "<|begin_of_video|>"),
        "video_end_token_id": _id(tokenizer, "<|end_of_video|>"),
    }


def _qwen(shape: Shape, text: dict[str, Any], tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    return {
        "text_config": _turned(text, "qwen2_5_vl_text", shape, share=1.0),
        "vision_config": {
            "model_type": "qwen2_5_vl_vision",
            "depth": shape.seen_layers,
            "initializer_range": shape.spread,
            "hidden_size": shape.seen,
            "num_heads": shape.seen_heads,
            "intermediate_size": shape.inner,
            "out_hidden_size": shape.hidden,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [shape.seen_layers - 1],
        },
        "image_token_id": _id(tokenizer, "<|image_pad|>"),
        "video_token_id": _id(tokenizer, "<|video_pad|>"),
        "vision_start_token_id": _id(tokenizer, "<|vision_start|>"),
        "vision_end_token_id": _id(tokenizer, "<|vision_end|>"),
    }


def _idefics(shape: Shape, text: dict[str, Any], tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    vision = _plain_vision(shape) | {"model_type": "idefics3_vision", "image_size": 64, "patch_size": 8}
    return {
        "text_config": {**text, "model_type": "llama"},
        "vision_config": vision,
        "scale_factor": 2,
        "image_token_id": _id(tokenizer, "<image>"),
        "pad_token_id": tokenizer.pad_token_id,
    }


def _llava(shape: Shape, text: dict[str, Any], tokenizer: "PreTrainedTokenizerFast") -> dict[str, Any]:
    vision = _plain_vision(shape) | {"model_type": "clip_vision_model", "image_size": 56, "patch_size": 14}
    return {
        "text_config": {**text, "model_type": "llama"},
        "vision_config": vision | {"projection_dim": shape.seen},
        "image_token_index": _id(tokenizer, "<image>"),
        "vision_feature_layer": -1,
    }


def _plain_vision(shape: Shape) -> dict[str, Any]:
    return {
        "hidden_size": shape.seen,
        "num_hidden_layers": shape.seen_layers,
        "num_attention_heads": shape.seen_heads,
        "intermediate_size": shape.inner,
        "initializer_range": shape.spread,
    }


def _turned(text: dict[str, Any], model_type: str, shape: Shape, *, share: float) -> dict[str, Any]:
    """With rotary positions over `share` of a head; time, height and width divide its pairs 2 to 3 to 3."""
    pairs = int(shape.hidden // shape.heads * share) // 2
    side = pairs * 3 // 8
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 10_000.0}
    rope["mrope_section"] = [pairs - 2 * side, side, side]
    if share < 1:
        rope["partial_rotary_factor"] = share
    return {**text, "model_type": model_type, "rope_parameters": rope}


def _id(tokenizer: "PreTrainedTokenizerFast", mark: str) -> Any:
    return tokenizer.convert_tokens_to_ids(mark)
