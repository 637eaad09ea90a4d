"""What the doctor says about torch and the model, and that nothing there can keep it."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.doctor.engines import judge_installed
from bridge.doctor.model import ask_engine, judge_engine, models_of
from tests.support.model_hub import safetensors_file

GOOD: dict[str, Any] = {
    "transformers": "5.23.0",
    "bitsandbytes": "0.50.2",
    "torchvision": {"version": None},
    "torch": {"version": "2.13.0", "cuda": "13.0", "cards": ["NVIDIA H200"]},
    "models": [{"name": "a/b", "folder": "/f", "bytes": 20_585_554_944}],
}


def _by_check(told: Any) -> dict[str, Any]:
    return {finding.check: finding for finding in judge_engine(told)}


def test_all_is_well() -> None:
    found = _by_check(GOOD)

    assert {finding.status for finding in found.values()} == {"PASS"}
    assert found["torch"].text == "torch 2.13.0, transformers 5.23.0, NVIDIA H200"
    assert found["model"].text == "a/b is here, 20.6 GB"
    assert "torchvision" not in found  # nobody misses it


@pytest.mark.parametrize(
    ("change", "check", "status", "words"),
    [
        ({"torch": {"version": "2.13.0", "cuda": "13.0", "cards": []}}, "torch", "WARN", "sees no GPU"),
        ({"torch": {"version": "2.13.0+cpu", "cuda": None, "cards": []}}, "torch", "PASS", "on the CPU"),
        ({"torch": {"version": "2.13.0", "problem": "libcudart.so.13"}}, "torch", "FAIL", "libcudart"),
        ({"torchvision": {"version": "0.28.0"}}, "torchvision", "PASS", "0.28.0 works"),
        (
            {"torchvision": {"version": "0.28.0", "problem": "no nms", "hint": "pip uninstall torchvision"}},
            "torchvision",
            "FAIL",
            "no nms",
        ),
        ({"bitsandbytes": None}, "bitsandbytes", "WARN", "not installed"),
        (
            {"models": [{"name": "a/b", "problem": "a/b is not on this machine."}]},
            "model",
            "FAIL",
            "not on this machine",
        ),
    ],
)
def test_what_is_amiss_has_a_next_step(change: dict[str, Any], check: str, status: str, words: str) -> None:
    finding = _by_check(GOOD | change)[check]

    assert finding.status == status
    assert words in finding.text
    assert finding.hint or status == "PASS"
    assert finding.exit_code == (6 if status == "FAIL" else 0)


@pytest.mark.parametrize("told", [None, {}, {"torch": 5, "torchvision": [], "models": [7]}])
def test_whatever_it_says_there_is_a_finding(told: Any) -> None:
    assert judge_engine(told)


def test_the_models_of_the_settings_are_looked_for() -> None:
    assert models_of(["ocr", "transformers_vlm=a/b", " transformers_vlm = /m ", "transformers_vlm"]) == ["a/b", "/m"]


def test_an_engine_that_needs_a_model_is_not_offered_without_one() -> None:
    there = {"host": True, "ocr": False, "transformers_vlm": True}
    lacking = judge_installed(there | {"transformers_vlm": False}, wanted=["transformers_vlm=a/b"])[0]

    assert "only `echo`" in judge_installed(there, wanted=())[0].text
    assert lacking.exit_code == 6
    assert "[host,gpu]" in lacking.hint


async def test_the_engine_tells_what_is_here(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra `gpu` is not installed")
    (tmp_path / "config.json").write_text('{"model_type": "glm4v"}')
    (tmp_path / "model.safetensors").write_bytes(safetensors_file({"a": ("F32", (10,), 40)}))

    told = await ask_engine([str(tmp_path), "nobody/has-it", "/no/such"])

    assert told is not None
    assert told["torch"]["version"].startswith("2.")
    here, not_pulled, no_folder = told["models"]
    assert here == {"name": str(tmp_path), "folder": str(tmp_path), "bytes": 40, "type": "glm4v"}
    assert not_pulled["hint"] == "`bridge-host pull nobody/has-it` fetches it"
    assert "no folder" in no_folder["problem"]


@pytest.mark.parametrize("code", ["import os; os.abort()", "print('Traceback')", "print([1])"])
async def test_a_process_that_dies_or_babbles_is_a_finding(code: str) -> None:
    assert await ask_engine([], command=[sys.executable, "-c", code]) is None


async def test_a_process_that_hangs_is_ended_with_the_deadline(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await ask_engine([], command=[sys.executable, "-S", "-c", code])
    assert not Path(f"/proc/{pid.read_text()}").exists()
