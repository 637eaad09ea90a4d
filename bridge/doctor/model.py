"""The engine `transformers_vlm`: do torch and what belongs to it work here, and is the model here and whole?

Asked of a process of its own, with a deadline: torch takes seconds to import, and a broken one does worse.
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from bridge.doctor.finding import HOST_CODE, Finding, failed, passed, warned
from bridge.doctor.storage import shown_size

__all__ = ["AREA", "ENGINE", "ask_engine", "judge_engine", "models_of"]

AREA = "engines"
ENGINE = "transformers_vlm"
INSTALL = "pip install --upgrade 'lensbridge[gpu]'"
COMMAND = (sys.executable, "-P", "-m", "host_server.engines.transformers_vlm")


def models_of(engines: Sequence[str]) -> list[str]:
    """The models that the settings want of this engine."""
    pairs = [spec.partition("=") for spec in engines]
    return [model.strip() for name, _, model in pairs if name.strip() == ENGINE and model.strip()]


async def ask_engine(models: Sequence[str], *, command: Sequence[str] = COMMAND) -> dict[str, Any] | None:
    """What the engine tells of itself; None when its process does not get so far."""
    process = await asyncio.create_subprocess_exec(
        *command,
        *models,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        told = json.loads(out)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def judge_engine(told: Mapping[str, Any] | None) -> list[Finding]:
    """Each part of it in a line."""
    if told is None:
        text = "the engine's process ended before it said anything"
        return [failed(AREA, "torch", text, hint=f"{INSTALL}; try `python -c 'import torch'`", exit_code=HOST_CODE)]
    return [
        _torch(_part(told, "torch"), told.get("transformers")),
        *_torchvision(_part(told, "torchvision")),
        _bitsandbytes(told.get("bitsandbytes")),
        *(_model(model) for model in told.get("models") or () if isinstance(model, Mapping)),
    ]


def _torch(torch: Mapping[str, Any], transformers: object) -> Finding:
    facts = {"torch": torch.get("version"), "transformers": transformers, "cards": torch.get("cards")}
    if problem := torch.get("problem"):
        text = f"torch cannot be imported: {problem}"
        return failed(AREA, "torch", text, hint=INSTALL, exit_code=HOST_CODE, **facts)
    versions = f"torch {torch.get('version')}, transformers {transformers}"
    if cards := torch.get("cards"):
        return passed(AREA, "torch", f"{versions}, {', '.join(map(str, cards))}", **facts)
    if torch.get("cuda"):
        hint = "does `nvidia-smi` show the card, and does its driver know this CUDA?"
        return warned(AREA, "torch", f"{versions}: built for CUDA {torch['cuda']}, and sees no GPU", hint=hint, **facts)
    return passed(AREA, "torch", f"{versions}, on the CPU", **facts)


def _torchvision(torchvision: Mapping[str, Any]) -> list[Finding]:
    if problem := torchvision.get("problem"):
        hint = str(torchvision.get("hint") or "pip uninstall torchvision")
        return [failed(AREA, "torchvision", str(problem), hint=hint, exit_code=HOST_CODE)]
    version = torchvision.get("version")
    return [passed(AREA, "torchvision", f"torchvision {version} works with it")] if version else []


def _bitsandbytes(version: object) -> Finding:
    if version:
        return passed(AREA, "bitsandbytes", f"bitsandbytes {version}: --quantize int8 and nf4 can be had")
    hint = "pip install bitsandbytes, if you want --quantize"
    return warned(AREA, "bitsandbytes", "bitsandbytes is not installed", hint=hint)


def _model(model: Mapping[str, Any]) -> Finding:
    name = str(model.get("name"))
    if problem := model.get("problem"):
        hint = str(model.get("hint") or f"bridge-host pull {name}")
        return failed(AREA, "model", str(problem), hint=hint, exit_code=HOST_CODE, model=name)
    size = int(model.get("bytes") or 0)
    return passed(AREA, "model", f"{name} is here, {shown_size(size)}", model=name, folder=model.get("folder"))


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, Mapping) else {}
