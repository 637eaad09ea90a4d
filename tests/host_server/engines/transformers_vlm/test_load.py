"""Loading: five families without torchvision, quantised too; whatever is wrong with a checkpoint is said."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_server.engines.base import EngineError, EngineNotInstalledError, EngineOutOfMemoryError
from host_server.engines.options import EngineOptions

torch = pytest.importorskip("torch", reason="the extra `gpu` is not installed")

from host_server.engines.transformers_vlm import devices  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm import load as loading  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.load import load  # ruff: ignore[module-import-not-at-top-of-file]

FAMILIES = ("glm4v", "glm46v", "qwen2_5_vl", "idefics3", "llava")
FP32 = EngineOptions(dtype="float32", device="cpu", threads=1)


@pytest.fixture
def broken(tiny_model: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a good checkpoint, to be spoilt."""
    return Path(shutil.copytree(tiny_model("glm4v"), tmp_path / "spoilt"))


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_loads_without_torchvision(tiny_model: Callable[[str], Path], family: str) -> None:
    loaded = load(str(tiny_model(family)), FP32)

    tokenizer = loaded.processor.tokenizer
    assert loaded.name == family
    assert (loaded.device.type, loaded.dtype) == ("cpu", torch.float32)
    assert loaded.eos == frozenset(torch.atleast_1d(torch.tensor(loaded.model.generation_config.eos_token_id)).tolist())
    assert set(loaded.suppressed).isdisjoint(loaded.eos)
    assert loaded.max_positions == 32_768
    assert tokenizer.padding_side == "left"
    assert tokenizer.convert_ids_to_tokens(loaded.image_token) in {"<|image|>", "<|image_pad|>", "<image>"}
    assert not loaded.model.training


@pytest.mark.parametrize(("quantize", "kind"), [("int8", "Linear8bitLt"), ("nf4", "Linear4bit")])
def test_quantised_weights_are_those_of_the_language_model(
    tiny_model: Callable[[str], Path], quantize: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("bitsandbytes", reason="not for this system")
    loaded = load(str(tiny_model("glm4v")), EngineOptions(dtype="float32", device="cpu", threads=1, quantize=quantize))

    quantised = [name for name, module in loaded.model.named_modules() if type(module).__name__ == kind]
    plain = [name for name, module in loaded.model.named_modules() if type(module).__name__ == "Linear"]
    assert quantised
    assert all(".language_model." in name for name in quantised)
    assert "lm_head" in plain
    assert any(".visual." in name for name in plain)
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        assert loaded.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.isfinite().all()
    assert loaded.name == f"glm4v ({quantize})"
    assert "inputs will be cast" not in caplog.text, "nobody wants a line of the log for each layer of each step"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"processor_class": "SmolVLMProcessor"}, "needs torchvision"),  # its pictures go through its video half
        ({"processor_class": "Glm46VProcessor"}, None),
    ],
)
def test_a_processor_loses_its_video_half_where_it_can(broken: Path, said: dict[str, Any], words: str | None) -> None:
    """A glm4v whose files name another class; transformers then says itself that torchvision is missing."""
    (broken / "processor_config.json").write_text(json.dumps(said))
    if words is None:
        assert "video_processor" not in load(str(broken), FP32).processor.get_attributes()
    else:
        with pytest.raises(EngineNotInstalledError, match=words):
            load(str(broken), FP32)


def test_the_type_it_computes_in_is_chosen_by_what_the_hardware_does() -> None:
    cpu = torch.device("cpu")
    told = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    expected = torch.bfloat16 if told.get("amx_bf16") else torch.float32

    assert devices.choose_dtype(EngineOptions(), cpu) == expected
    assert devices.choose_dtype(EngineOptions(dtype="float16"), cpu) == torch.float16


@pytest.mark.parametrize(
    ("device", "words"), [("cuda", "CUDA|no GPU"), ("cuda:7", "CUDA|no GPU|There is no"), ("mps", "no Apple GPU")]
)
def test_a_device_that_is_not_here_is_said(broken: Path, device: str, words: str) -> None:
    if devices.choose_device("auto").type == device:
        pytest.skip(f"this machine has {device}")
    with pytest.raises(EngineError, match=words) as caught:
        load(str(broken), EngineOptions(device=device))
    assert caught.value.hint


def test_threads_are_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        devices.use_threads(1)
        assert torch.get_num_threads() == 1
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        devices.use_threads(None)
        assert torch.get_num_threads() == 1
        monkeypatch.delenv("OMP_NUM_THREADS")
        devices.use_threads(None)
        assert 1 <= torch.get_num_threads() <= (os.cpu_count() or 1)
    finally:
        torch.set_num_threads(before)


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _remove(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for path in folder.glob(name):
            path.unlink()

    return spoil


def _another_layer(folder: Path) -> None:
    text = json.loads((folder / "config.json").read_text())["text_config"]
    _edit(folder, text_config=text | {"num_hidden_layers": text["num_hidden_layers"] + 1})


def _wider(folder: Path) -> None:
    text = json.loads((folder / "config.json").read_text())["text_config"]
    _edit(folder, text_config=text | {"intermediate_size": 2 * text["intermediate_size"]})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut, "is broken: it has"),
        (_remove("model.safetensors"), "no weights in safetensors"),
        (_remove("*tokenizer*"), r"tokenizer\.json of .* is missing"),
        (_remove("*processor*"), r"preprocessor_config\.json of .* is missing"),
        (_remove("*.jinja"), "has no chat template"),
        (_another_layer, "does not fit its weights"),
        (_wider, "does not fit its weights"),
        (lambda folder: _edit(folder, model_type="glm9z"), "does not know models of the type 'glm9z'"),
        (lambda folder: _edit(folder, model_type=None), "does not know models of the type None"),
        (lambda folder: _edit(folder, model_type="llama"), "takes no pictures"),
        (
            lambda folder: _edit(folder, model_type="own", auto_map={"AutoModelForImageTextToText": "code.Model"}),
            "brings Python code of its own",
        ),
    ],
)
def test_what_is_wrong_with_a_checkpoint_is_said(broken: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(broken)

    with pytest.raises(EngineError, match=words) as caught:
        load(str(broken), FP32)
    assert caught.value.hint


def test_code_that_comes_with_a_model_does_not_run_unasked(broken: Path, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    (broken / "code.py").write_text(f"open({str(mark)!r}, 'w')")
    _edit(broken, model_type="own", auto_map={"AutoConfig": "code.C", "AutoModelForImageTextToText": "code.M"})

    with pytest.raises(EngineError, match="not run unasked"):
        load(str(broken), FP32)
    assert not mark.exists()


def test_a_model_larger_than_the_memory_is_refused_before_it_is_read(broken: Path) -> None:
    end = 10**12  # bytes, none of them written
    row = {"dtype": "BF16", "shape": [10**6, end // 2 // 10**6], "data_offsets": [0, end]}
    header = json.dumps({"model.language_model.x.weight": row}).encode()
    with (broken / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + end)

    with pytest.raises(EngineOutOfMemoryError, match=r"takes 2000\.0 GB, and .* GB are free on cpu") as caught:
        load(str(broken), FP32)
    assert "bridge-host fit" in caught.value.hint


def test_a_missing_bitsandbytes_is_said(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda name: None)

    with pytest.raises(EngineNotInstalledError, match="needs bitsandbytes"):
        load(str(broken), EngineOptions(dtype="float32", device="cpu", threads=1, quantize="int8"))
