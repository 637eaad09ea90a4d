"""From a folder or a hub id to a model that answers. Everything that can be wrong with it is said with a next step.

```
 find the folder ─► config.json: a class we can serve? ─► headers of the weights: whole? ─► room for them?
                                                                                             │
                     Loaded ◄─ every weight found its place? ◄─ network ◄─ processor ◄──────┘
```
Nothing is fetched, no pickle is opened, and code that comes with a model runs only where the options say so.
"""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch

from host_server.engines.base import EngineError, EngineNotInstalledError, EngineOutOfMemoryError
from host_server.engines.options import EngineOptions
from host_server.engines.transformers_vlm import weights
from host_server.engines.transformers_vlm.devices import choose_device, choose_dtype, free_bytes, use_threads
from host_server.engines.transformers_vlm.folder import config_of, find, name_of
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.processor import check_torchvision, load_processor

__all__ = ["load"]

_FALLBACK_POSITIONS: Final = 4096
_log = logging.getLogger(__name__)


def load(model: str, options: EngineOptions) -> Loaded:
    """Load a checkpoint: a folder, or a hub id that was pulled. Takes seconds to minutes.

    Sets the number of threads torch computes with in this process. Raises `EngineError`.
    """
    check_torchvision()
    use_threads(options.threads)
    device = choose_device(options.device)
    dtype = choose_dtype(options, device)
    folder = find(model, options.revision)
    name = name_of(model, options)
    _check_class(name, config_of(folder), options)
    _check_room(name, folder, device, dtype, options)
    try:
        processor = load_processor(folder, name, trust_remote_code=options.trust_remote_code)
        network = _network(name, folder, device, dtype, options)
    except EngineError:
        raise
    except (torch.OutOfMemoryError, MemoryError):
        raise _no_room(f"There is no room for {name} on {device}.") from None
    except ImportError as error:
        _log.exception("loading %s failed", name)
        raise EngineNotInstalledError(
            f"{name} needs a package that is not installed: {_first_line(error)}", hint="pip install what it names"
        ) from None
    except Exception as error:
        _log.exception("loading %s failed", name)
        raise EngineError(f"{name} cannot be loaded: {_first_line(error)}", hint=_LOG) from error
    return _loaded(network, processor, device, dtype, name)


def _check_class(name: str, config: dict[str, Any], options: EngineOptions) -> None:
    """Whether transformers, or code that comes with the model and is trusted, can make such a network."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as SERVED

    kind = config.get("model_type")
    if kind in SERVED:
        return
    own_code = "AutoModelForImageTextToText" in (config.get("auto_map") or {})
    if own_code and options.trust_remote_code:
        return
    if own_code:
        raise EngineError(
            f"{name} brings Python code of its own, which is not run unasked.",
            hint="read it, then add --trust-remote-code",
        )
    if kind in transformers.CONFIG_MAPPING:
        raise EngineError(f"{name} takes no pictures (its type is {kind}).", hint="give a model for image and text")
    raise EngineError(
        f"transformers {transformers.__version__} does not know models of the type {kind!r}.",
        hint="pip install --upgrade 'transformers<6', or another model",
    )


def _check_room(name: str, folder: Path, device: torch.device, dtype: torch.dtype, options: EngineOptions) -> None:
    tensors = weights.read_weights(folder)
    needed = weights.held_bytes(tensors, width=dtype.itemsize, quantize=options.quantize)
    free = free_bytes(device)
    if free is not None and needed > free:
        raise _no_room(f"{name} takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free on {device}.")


def _network(name: str, folder: Path, device: torch.device, dtype: torch.dtype, options: EngineOptions) -> Any:
    import transformers

    how: dict[str, Any] = {"attn_implementation": options.attn} if options.attn != "auto" else {}
    if options.quantize != "none":
        how["quantization_config"] = _quantisation(options, device, dtype)
    log: Any = transformers.utils.logging
    log.disable_progress_bar()  # it would fill the host's log
    auto: Any = transformers.AutoModelForImageTextToText
    network, found = auto.from_pretrained(
        folder,
        dtype=dtype,
        device_map={"": device},  # each tensor goes straight there: the main memory need not hold a second copy
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=options.trust_remote_code,
        ignore_mismatched_sizes=True,  # told below, by name
        output_loading_info=True,
        **how,
    )
    amiss = [*found["missing_keys"], *(row[0] for row in found["mismatched_keys"])]
    if amiss:
        raise EngineError(
            f"config.json of {name} does not fit its weights: {len(amiss)} are missing or of another shape, "
            f"such as {min(amiss)}.",
            hint="fetch the model again; all its files must be of one revision",
        )
    return network.eval()


def _quantisation(options: EngineOptions, device: torch.device, dtype: torch.dtype) -> Any:
    if find_spec("bitsandbytes") is None:
        raise EngineNotInstalledError("--quantize needs bitsandbytes.", hint="pip install 'lensbridge[gpu]'")
    if device.type == "mps":
        raise EngineError("bitsandbytes does not compute on an Apple GPU.", hint="--quantize none, or --device cpu")
    import transformers

    # At each layer of each step it would say what it casts, and wants a package that only nf4 on a CPU might use.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    make: Any = transformers.BitsAndBytesConfig
    kept = [rf"(?:.*\.)?{module}" for module in weights.NOT_QUANTISED]
    if options.quantize == "int8":
        return make(load_in_8bit=True, llm_int8_skip_modules=kept)
    return make(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, llm_int8_skip_modules=kept)


def _loaded(network: Any, processor: Any, device: torch.device, dtype: torch.dtype, name: str) -> Loaded:
    text = network.config.get_text_config()
    return Loaded(
        model=network,
        processor=processor,
        device=device,
        dtype=dtype,
        eos=_eos(network, processor),
        suppressed=tuple(network.generation_config.suppress_tokens or ()),
        max_positions=int(getattr(text, "max_position_embeddings", None) or _FALLBACK_POSITIONS),
        image_token=_image_token(network, processor),
        name=name,
    )


def _eos(network: Any, processor: Any) -> frozenset[int]:
    """What `generate()` would stop at, else the tokenizer's own end."""
    told = network.generation_config.eos_token_id
    if told is None:
        told = processor.tokenizer.eos_token_id
    if told is None:
        return frozenset()
    return frozenset({told} if isinstance(told, int) else told)


def _image_token(network: Any, processor: Any) -> int:
    for holder, attribute in (
        (network.config, "image_token_id"),
        (network.config, "image_token_index"),
        (processor, "image_token_id"),
    ):
        token = getattr(holder, attribute, None)
        if isinstance(token, int):
            return token
    raise EngineError("The model does not say which token stands for a picture.", hint="give another model")


def _no_room(message: str) -> EngineOutOfMemoryError:
    hint = "`bridge-host fit MODEL` says what it needs; end other programs, or --quantize int8 or nf4"
    return EngineOutOfMemoryError(message, hint=hint)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


_LOG: Final = "the host's log has the whole story"
