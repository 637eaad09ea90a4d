"""How much memory there is, what a token costs, and which errors say that there was none left."""

import os
from typing import Any

import torch

from host_server.engines.transformers_vlm.loaded import Loaded

__all__ = ["bytes_per_token", "ends_one", "free_share", "out_of_memory", "release"]

_SHARE = 0.6
"""Of what is free after loading; the rest is for what a step computes with."""
_MOST_ON_CPU = 4 * 2**30


def bytes_per_token(loaded: Loaded) -> int:
    """Keys and values of one token in all layers."""
    text: Any = loaded.model.config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * heads * width * loaded.dtype.itemsize)


def free_share(device: torch.device) -> int:
    """Bytes that may be used for keys and values where nobody said how many."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * _SHARE)
    available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(_MOST_ON_CPU, available // 4)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch says so: a CPU has no class for it."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "not enough memory" in str(error)
    )


def ends_one(error: BaseException) -> bool:
    """Whether an error that is not about memory is about one prompt; the device's own are everybody's."""
    return not isinstance(error, torch.AcceleratorError)


def release(device: torch.device) -> None:
    """Give freed memory back, so that what is wanted next can be had in one piece."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
