"""Load any checkpoint's processor, with or without torchvision.

In transformers 5 the image processors have a Pillow backend and the video processors have not: where torchvision is
missing, a processor that has both halves cannot be loaded at all. We show pictures only, so its video half is left out.
"""

import json
from pathlib import Path
from typing import Any, Final

from host_server.engines.base import EngineError, EngineNotInstalledError

__all__ = ["load_processor"]

_SAY_THEIR_CLASS: Final = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


def load_processor(model: str, **source: Any) -> Any:
    """The processor of a folder or hub id; `source` is what every `from_pretrained` takes (`revision`, …).

    Raises `EngineNotInstalledError` where it needs torchvision even for pictures, and what transformers raises.
    """
    import transformers

    auto: Any = transformers.AutoProcessor
    try:
        processor = auto.from_pretrained(model, **source)
    except ImportError as error:
        if "VideoProcessor requires the Torchvision" not in str(error):
            raise
        processor = _without_video(model, **source)
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise EngineError(f"{model} takes no pictures.", hint="give a model for image and text in, text out")
    processor.tokenizer.padding_side = "left"
    return processor


def _without_video(model: str, **source: Any) -> Any:
    import transformers

    name = _class_name(model, **source)
    base = getattr(transformers, name or "", None)
    if base is None:
        raise _needs_torchvision(model)

    def no_video(_cls: Any) -> list[str]:
        return [attribute for attribute in base.get_attributes() if attribute != "video_processor"]

    def arguments(cls: Any, *args: Any, **kwargs: Any) -> list[Any]:
        # Called with the attributes above: image processor, tokenizer; None stands in the video processor's place.
        return [*super(image_only, cls)._get_arguments_from_pretrained(*args, **kwargs), None]

    image_only: Any = type(
        base.__name__,
        (base,),
        {"get_attributes": classmethod(no_video), "_get_arguments_from_pretrained": classmethod(arguments)},
    )
    return image_only.from_pretrained(model, backend="pil", **source)


def _class_name(model: str, **source: Any) -> str | None:
    from transformers.utils.hub import cached_file

    for file in _SAY_THEIR_CLASS:
        path = cached_file(model, file, _raise_exceptions_for_missing_entries=False, **source)
        if path is not None and (name := json.loads(Path(path).read_text(encoding="utf-8")).get("processor_class")):
            return str(name)
    return None


def _needs_torchvision(model: str) -> EngineNotInstalledError:
    return EngineNotInstalledError(
        f"{model} needs torchvision, which is not installed.",
        hint="install the torchvision that belongs to your torch: https://pytorch.org/get-started/locally",
    )
