"""Load any checkpoint's processor, with or without torchvision.

In transformers 5 the image processors have a Pillow backend and the video processors have not: where torchvision is
missing, a processor that has both halves cannot be loaded at all. We show pictures only, so its video half is left out.
"""

import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from host_server.engines.base import EngineError, EngineNotInstalledError

__all__ = ["check_torchvision", "load_processor"]

_SAY_THEIR_CLASS: Final = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
_ONE_OF: Final = (
    ("preprocessor_config.json", "processor_config.json"),
    ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json"),
)
_NEED_VIDEO: Final = frozenset({"SmolVLMProcessor"})
"""Those whose pictures go through the video half too."""
_GET_TORCHVISION: Final = "install the torchvision that belongs to your torch: https://pytorch.org/get-started/locally"


def check_torchvision() -> None:
    """Whether torchvision, if it is installed, can be imported: one for another torch is worse than none.

    transformers believes that it is there and fails later, in other words. Raises `EngineNotInstalledError`.
    """
    if find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # ruff: ignore[blind-except] a RuntimeError about a missing operator, an OSError about a library, …
        raise EngineNotInstalledError(
            f"The torchvision that is installed does not work with this torch: {error}.",
            hint=f"pip uninstall torchvision (it is not needed here), or {_GET_TORCHVISION}",
        ) from None


def load_processor(folder: Path, name: str, *, trust_remote_code: bool = False) -> Any:
    """The processor in a folder; its tokenizer pads on the left. `name` is the model's, for errors.

    Raises `EngineNotInstalledError` where it needs torchvision even for pictures, `EngineError` where it takes none,
    and what transformers raises.
    """
    import transformers

    for files in _ONE_OF:
        if not any((folder / file).is_file() for file in files):
            raise EngineError(f"{files[0]} of {name} is missing.", hint="fetch the model again")
    auto: Any = transformers.AutoProcessor
    source = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        processor = auto.from_pretrained(folder, **source)
    except ImportError as error:
        if "VideoProcessor requires the Torchvision" not in str(error):
            raise
        processor = _without_video(folder, name, source)
    except ValueError as error:  # transformers 5.17 has no Pillow backend for some
        if "Missing optional dependencies: torchvision" not in str(error):
            raise
        raise _needs_torchvision(name) from None
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise EngineError(f"The processor of {name} takes no pictures.", hint="give a model for image and text")
    if not getattr(processor, "chat_template", None):
        raise EngineError(f"{name} has no chat template.", hint="give a model that was made for chat (-it, -Instruct)")
    processor.tokenizer.padding_side = "left"
    return processor


def _without_video(folder: Path, name: str, source: dict[str, Any]) -> Any:
    import transformers

    class_name = _class_name(folder)
    base = getattr(transformers, class_name, None)
    if base is None or class_name in _NEED_VIDEO:
        raise _needs_torchvision(name)

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
    return image_only.from_pretrained(folder, backend="pil", **source)


def _needs_torchvision(name: str) -> EngineNotInstalledError:
    message = f"{name} needs torchvision, which is not installed, even for pictures."
    return EngineNotInstalledError(message, hint=_GET_TORCHVISION)


def _class_name(folder: Path) -> str:
    for path in (folder / file for file in _SAY_THEIR_CLASS):
        if path.is_file() and (name := json.loads(path.read_text(encoding="utf-8")).get("processor_class")):
            return str(name)
    return ""
