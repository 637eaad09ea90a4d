"""How an engine shall be made, beside its name and model: what the flags of `bridge-host serve` say about it.

Every engine gets the same values and takes those that mean something to it. They travel to an engine's own process as
JSON on its command line; a secret is therefore named by its environment variable and never written here.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Literal

__all__ = ["Attention", "Dtype", "EngineOptions", "Quantize"]

Dtype = Literal["auto", "bfloat16", "float16", "float32"]
Quantize = Literal["none", "int8", "nf4"]
Attention = Literal["auto", "sdpa", "eager", "flash_attention_2"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Defaults are what most people want."""

    revision: str | None = None
    """Branch, tag or commit of the model on its hub."""
    dtype: Dtype = "auto"
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    quantize: Quantize = "none"
    attn: Attention = "auto"
    max_side: int = 1024
    """Longest side of a picture in pixels: a picture's tokens, and the time to the first word, grow with its square."""
    max_batch: int = 8
    """Answers that are written at the same time."""
    kv_bytes: int | None = None
    """Memory for what is kept of earlier prompts; `None`: a share of what is free."""
    threads: int | None = None
    """Of a CPU; `None`: all cores this process may use."""
    thinking: bool = False
    """Whether a model that can think aloud does so where the question does not say."""
    trust_remote_code: bool = False
    offline: bool = False
    """Never look at a hub, even when the model is not complete here."""
    upstreams: tuple[str, ...] = ()
    """Base URLs of OpenAI-compatible servers, such as `http://127.0.0.1:8000/v1`."""
    upstream_key_env: str | None = None
    """The environment variable that holds their API key."""

    def to_json(self) -> str:
        """As an argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "EngineOptions":
        """What `to_json` wrote. What only one of two versions knows is left out: they find out that they differ."""
        told = json.loads(text)
        told["upstreams"] = tuple(told["upstreams"])
        return cls(**{field.name: told[field.name] for field in fields(cls) if field.name in told})
