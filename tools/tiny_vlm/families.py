"""What sets the families apart before any weight: their marks, their chat template, their processor's settings.

Marks and templates are the real models' own, shortened; GLM's has the switch for thinking that GLM-4.6V-Flash has.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["FAMILIES", "Family"]

# One template for every family. `mute` and `muted` are GLM's way not to think: a word in the question, and a thought
# that is already over in the answer. A past answer stands behind such a thought too, so that a follow-up question's
# prompt begins with the very tokens of the turn before it.
_TEMPLATE: Final = """{%- set still = muted if enable_thinking is defined and not enable_thinking else '' -%}
{{- bos -}}
{%- for m in messages -%}
{{- turn[m.role] -}}
{%- if m.role == 'assistant' -%}{{- muted -}}{%- endif -%}
{%- if m.content is string -%}{{- m.content -}}
{%- else -%}
{%- for c in m.content -%}
{%- if c.type == 'image' -%}{{- image -}}{%- elif c.type == 'text' -%}{{- c.text -}}{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- if m.role == 'user' and still -%}{{- mute -}}{%- endif -%}
{{- end -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- turn['assistant'] -}}{{- still -}}{%- endif -%}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How a kind of model is spoken to."""

    bos: str
    end: str
    """Closes each turn."""
    turn: Mapping[str, str]
    """What opens a turn of each role."""
    image: str
    """Stands for a picture in the prompt; the processor widens it to one token for each patch of the picture."""
    special: tuple[str, ...]
    """Marks that are never text."""
    plain: tuple[str, ...] = ()
    """Marks that a decoder keeps: thoughts and boxes."""
    pad: str
    eos: tuple[str, ...]
    mute: str = ""
    muted: str = ""
    tokenizer_extra: Mapping[str, str] = field(default_factory=dict)
    image_processor: Mapping[str, Any]
    """`preprocessor_config.json`; a class's name has no suffix: the backend is chosen where it is loaded."""
    video_processor: str | None = None
    processor_extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chat_template(self) -> str:
        """As Jinja."""
        told = {"bos": self.bos, "end": self.end, "turn": dict(self.turn), "image": self.image}
        told |= {"mute": self.mute, "muted": self.muted}
        head = "".join(f"{{%- set {name} = {json.dumps(value)} -%}}" for name, value in told.items())
        return head + _TEMPLATE


_SIDES: Final = {"shortest_edge": 28 * 28 * 4, "longest_edge": 28 * 28 * 1024}
_PATCHES: Final = {"patch_size": 14, "merge_size": 2, "temporal_patch_size": 2}

_GLM: Final = Family(
    bos="[gMASK]<sop>",
    end="",
    turn={"system": "<|system|>\n", "user": "<|user|>\n", "assistant": "<|assistant|>\n"},
    image="<|begin_of_image|><|image|><|end_of_image|>",
    special=(
        *("<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
        *("<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>", "<|image|>", "<|video|>"),
    ),
    plain=("<think>", "</think>", "<|begin_of_box|>", "<|end_of_box|>", "/nothink"),
    pad="<|endoftext|>",
    eos=("<|endoftext|>", "<|user|>", "<|observation|>"),
    mute="/nothink",
    muted="<think></think>",
    image_processor={
        "image_processor_type": "Glm46VImageProcessor",
        "processor_class": "Glm46VProcessor",
        "size": _SIDES,
        **_PATCHES,
    },
    video_processor="Glm46VVideoProcessor",
)

FAMILIES: Final[Mapping[str, Family]] = {
    "glm4v": _GLM,  # GLM-4.6V-Flash is this one: a glm4v model with the processor of Glm46V
    "glm46v": _GLM,
    "qwen2_5_vl": Family(
        bos="",
        end="<|im_end|>\n",
        turn={role: f"<|im_start|>{role}\n" for role in ("system", "user", "assistant")},
        image="<|vision_start|><|image_pad|><|vision_end|>",
        special=(
            *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
            *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
        ),
        pad="<|endoftext|>",
        eos=("<|im_end|>", "<|endoftext|>"),
        image_processor={
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
            "size": _SIDES,
            **_PATCHES,
        },
        video_processor="Qwen2VLVideoProcessor",
    ),
    # SmolVLM's shape: a picture is cut into tiles. SmolVLM's own processor needs torchvision, this one does not.
    "idefics3": Family(
        bos="<|im_start|>",
        end="<end_of_utterance>\n",
        turn={"system": "System: ", "user": "User: ", "assistant": "Assistant: "},
        image="<image>",
        special=(
            *("<|endoftext|>", "<|im_start|>", "<end_of_utterance>"),
            *("<image>", "<fake_token_around_image>", "<global-img>"),
        ),
        pad="<|endoftext|>",
        eos=("<end_of_utterance>",),
        tokenizer_extra={
            "image_token": "<image>",
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "end_of_utterance_token": "<end_of_utterance>",
        },
        image_processor={
            "image_processor_type": "Idefics3ImageProcessor",
            "processor_class": "Idefics3Processor",
            "size": {"longest_edge": 128},
            "max_image_size": {"longest_edge": 64},
        },
        processor_extra={"image_seq_len": 16},
    ),
    "llava": Family(
        bos="<s>",
        end="</s>",
        turn={"system": "SYSTEM: ", "user": "USER: ", "assistant": "ASSISTANT: "},
        image="<image>\n",
        special=("<pad>", "<s>", "</s>", "<image>"),
        pad="<pad>",
        eos=("</s>",),
        tokenizer_extra={"image_token": "<image>"},
        image_processor={
            "image_processor_type": "CLIPImageProcessor",
            "processor_class": "LlavaProcessor",
            "size": {"shortest_edge": 56},
            "crop_size": {"height": 56, "width": 56},
        },
        processor_extra={
            "patch_size": 14,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        },
    ),
}
