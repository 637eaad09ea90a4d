"""Engines by name: lazily made, and a clear next step when one cannot be."""

import subprocess
import sys

import pytest

from host_server.engines import registry
from host_server.engines.base import EngineNotInstalledError, RestartableEngine, UnknownEngineError


def test_the_best_engine_comes_first() -> None:
    assert registry.names() == ("transformers_vlm", "upstream", "ocr", "echo")
    assert registry.available()[-1] == "echo"


def test_a_name_and_a_model() -> None:
    assert registry.create("echo").info.model == "echo"
    assert registry.create(" echo = 30 ").info.model == "echo-30"


@pytest.mark.parametrize("spec", ["", "vlm", "=30", "Echo"])
def test_an_unknown_name_lists_the_known_ones(spec: str) -> None:
    with pytest.raises(UnknownEngineError) as caught:
        registry.create(spec)
    assert caught.value.hint == "Engines: transformers_vlm, upstream, ocr, echo."


@pytest.mark.parametrize("spec", ["echo=", "echo=quick", "echo=-1", "echo=nan", "echo=inf"])
def test_a_model_that_makes_no_sense_is_refused_with_an_example(spec: str) -> None:
    with pytest.raises(UnknownEngineError) as caught:
        registry.create(spec)
    assert "`echo`" in caught.value.hint


def test_an_unknown_ocr_model_is_refused() -> None:
    pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")
    assert registry.create("ocr=fine").info.model.endswith("-fine")
    with pytest.raises(UnknownEngineError, match="huge"):
        registry.create("ocr=huge")


def test_an_engine_without_its_libraries_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None if name == "rapidocr" else object())

    with pytest.raises(EngineNotInstalledError) as caught:
        registry.create("ocr")

    assert "rapidocr" in caught.value.message
    assert caught.value.hint == "pip install 'lensbridge[ocr]'"
    assert registry.available() == ("transformers_vlm", "upstream", "echo")


def test_nothing_heavy_is_imported_before_an_engine_is_loaded() -> None:
    code = """
import sys
from host_server.engines import registry
from host_server import imaging
registry.available()
registry.create("ocr"), registry.create("echo"), registry.create("transformers_vlm=a/b")
imaging.sniff(b"")
heavy = {"torch", "transformers", "tokenizers", "PIL", "numpy", "cv2", "onnxruntime", "rapidocr"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"


def test_an_engine_that_computes_gets_a_process_of_its_own() -> None:
    pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")

    assert isinstance(registry.create("ocr"), RestartableEngine)
    assert not isinstance(registry.create_here("ocr"), RestartableEngine)
    assert registry.create("ocr").info == registry.create_here("ocr").info
    assert not isinstance(registry.create("echo"), RestartableEngine)


def test_an_engine_that_loads_a_model_is_told_which() -> None:
    if "transformers_vlm" not in registry.available():
        pytest.skip("the extra `gpu` is not installed")

    assert isinstance(registry.create("transformers_vlm=a/b"), RestartableEngine)
    assert registry.create_here("transformers_vlm=a/b").info.model == "b"
    with pytest.raises(UnknownEngineError, match="needs a model"):
        registry.create("transformers_vlm")
