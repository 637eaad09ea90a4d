"""`python -m host_server.engines.transformers_vlm MODEL…`: what this engine finds here, as one JSON object.

For programs that must not import torch themselves: it takes seconds, and a broken one takes its process with it.
"""

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm.folder import config_of, find
from host_server.engines.transformers_vlm.processor import check_torchvision
from host_server.engines.transformers_vlm.weights import read_weights

__all__ = ["report"]


def report(models: list[str]) -> dict[str, Any]:
    """Versions, devices, and for each model whether it is here and whole."""
    return {
        "transformers": _version("transformers"),
        "bitsandbytes": _version("bitsandbytes"),
        "torchvision": _torchvision(),
        "torch": _torch(),
        "models": [_model(model) for model in models],
    }


def _torch() -> dict[str, Any]:
    try:
        import torch
    except Exception as error:  # ruff: ignore[blind-except] whatever is broken in it
        return {"version": _version("torch"), "problem": _first_line(error)}
    cards = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {"version": torch.__version__, "cuda": torch.version.cuda, "cards": cards}


def _torchvision() -> dict[str, Any]:
    try:
        check_torchvision()
    except EngineError as error:
        return {"version": _version("torchvision"), "problem": error.message, "hint": error.hint}
    return {"version": _version("torchvision")}


def _model(model: str) -> dict[str, Any]:
    try:
        folder = find(model)
        config = config_of(folder)
        size = sum(tensor.stored_bytes for tensor in read_weights(folder))
    except EngineError as error:
        return {"name": model, "problem": error.message, "hint": error.hint}
    return {"name": model, "folder": str(folder), "bytes": size, "type": config.get("model_type")}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


if __name__ == "__main__":
    print(json.dumps(report(sys.argv[1:])))  # ruff: ignore[print] its one line
