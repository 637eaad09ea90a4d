"""Where a model is looked for, and that nothing else is looked at."""

from pathlib import Path

import pytest

from host_server.engines.base import EngineError, EngineNotInstalledError
from host_server.engines.transformers_vlm.folder import config_of, find, is_hub_id
from host_server.engines.transformers_vlm.processor import check_torchvision


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert find(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("model", ["zai-org/GLM-4.6V-Flash", "gpt2", "a/b.c_d-e"])
def test_ids_of_a_hub_are_known(model: str) -> None:
    assert is_hub_id(model)


@pytest.mark.parametrize(
    "model", ["", "/etc", "./m", "../m", "a/b/c", "a/..", "-x/y", "a b/c", "x" * 97, "a/b--c", "é/e"]
)
def test_what_is_no_id_is_a_folder_that_is_missing(model: str) -> None:
    assert not is_hub_id(model)
    with pytest.raises(EngineError, match="There is no folder"):
        find(f"{model}/no-such-folder-here")


def test_a_model_that_was_not_pulled_is_not_fetched() -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `gpu` is not installed")

    with pytest.raises(EngineError, match="not on this machine") as caught:
        find("nobody/has-this-model", "v1")
    assert caught.value.hint == "`bridge-host pull nobody/has-this-model --revision v1` fetches it"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'"x"', b"[" * 100_000])
def test_a_broken_configuration_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)

    with pytest.raises(EngineError, match=r"config\.json of .* is broken"):
        config_of(tmp_path)


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no config\.json"):
        config_of(tmp_path)


def test_a_torchvision_for_another_torch_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(
        EngineNotInstalledError, match="does not work with this torch: operator torchvision::nms"
    ) as caught:
        check_torchvision()
    assert "pip uninstall torchvision" in caught.value.hint


def test_no_torchvision_is_fine() -> None:
    check_torchvision()
