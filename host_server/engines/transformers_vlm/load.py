"""From a folder or a hub id to a model that answers. Everything that can be wrong with it is said with a next step."""

import os
from pathlib import PurePath
from typing import Any

import torch

from host_server.engines.options import EngineOptions
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.processor import load_processor

__all__ = ["load"]


def load(model: str, options: EngineOptions) -> Loaded:
    """Load a checkpoint: a folder, or an id of the Hugging Face hub. Takes seconds to minutes.

    Sets the number of threads torch computes with in this process. Raises `EngineError`.
    """
    import transformers

    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    device = _device(options)
    dtype = _dtype(options, device)
    source: dict[str, Any] = {
        "revision": options.revision or "main",
        "local_files_only": options.offline,
        "trust_remote_code": options.trust_remote_code,
    }
    processor = load_processor(model, **source)
    auto: Any = transformers.AutoModelForImageTextToText
    network = auto.from_pretrained(model, dtype=dtype, use_safetensors=True, **source).to(device).eval()
    text = network.config.get_text_config()
    return Loaded(
        model=network,
        processor=processor,
        device=device,
        dtype=dtype,
        eos=_eos(network, processor),
        suppressed=tuple(network.generation_config.suppress_tokens or ()),
        max_positions=int(text.max_position_embeddings),
        image_token=_image_token(network),
        name=PurePath(model).name,
    )


def _device(options: EngineOptions) -> torch.device:
    if options.device != "auto":
        return torch.device(options.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _dtype(options: EngineOptions, device: torch.device) -> torch.dtype:
    if options.dtype != "auto":
        return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[options.dtype]
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def _eos(network: Any, processor: Any) -> frozenset[int]:
    told = network.generation_config.eos_token_id
    if told is None:
        told = processor.tokenizer.eos_token_id
    if told is None:
        return frozenset()
    return frozenset({told} if isinstance(told, int) else told)


def _image_token(network: Any) -> int:
    config = network.config
    token = getattr(config, "image_token_id", None)
    return int(config.image_token_index if token is None else token)
