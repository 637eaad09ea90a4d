"""`bridge-host fit`: a table, or JSON, and an exit status that a script can use."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from host_server.cli.app import app
from tests.support.model_hub import model_hub, safetensors_file

CONFIG = {
    "text_config": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 300},
    "vision_config": {"hidden_size": 32, "patch_size": 14, "spatial_merge_size": 2},
}
FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    "model.safetensors": safetensors_file({"model.a.weight": ("F32", (100, 1000), 400_000)}),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint on the disk."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def _fit(*words: str) -> Result:
    return CliRunner().invoke(app, ["fit", *words])


def test_what_fits_ends_with_0(folder: Path) -> None:
    done = _fit(str(folder), "--memory", "24GiB")

    assert done.exit_code == 0
    assert "0.1 million weights, computed in bfloat16" in done.stdout
    assert "pictures up to 1024 px are 1369 tokens, 8 answers at once, 0.5 KiB of KV a token" in done.stdout
    assert done.stdout.rstrip().endswith("It fits.")


def test_what_does_not_fit_ends_with_1(folder: Path) -> None:
    done = _fit(str(folder), "--memory", "500MiB")

    assert done.exit_code == 1
    assert "too large" in done.stdout
    assert "It does not fit." in done.stdout


def test_a_quantisation_is_proposed(folder: Path) -> None:
    needed = json.loads(_fit(str(folder), "--memory", "24GiB", "--json").stdout)["needs"]
    between = (needed[0]["total"] + needed[1]["total"]) / 2 / 0.95
    done = _fit(str(folder), "--memory", str(int(between)))

    assert done.exit_code == 1
    assert "It does not fit as asked; it does with --quantize int8." in done.stdout
    assert _fit(str(folder), "--memory", str(int(between)), "--quantize", "int8").exit_code == 0


def test_a_model_on_a_hub_is_measured_without_fetching_it() -> None:
    with model_hub(FILES) as hub:
        done = _fit("tiny/see", "--endpoint", hub.endpoint, "--memory", "24GiB", "--json")

    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert told["fits"] is True
    assert told["advice"] == ""
    assert told["needs"][0]["weights"] == 200_000
    assert [row["quantize"] for row in told["needs"]] == ["none", "int8", "nf4"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["/no/such/folder"], 6, "no folder"),
        (["tiny/see", "--endpoint", "http://127.0.0.1:9"], 6, "does not answer"),
        (["tiny/see", "--memory", "huge"], 2, "24GiB|2GiB"),
        (["tiny/see", "--endpoint", "http://mirror.example"], 2, "not encrypted"),
    ],
)
def test_what_cannot_be_measured_is_said(words: list[str], code: int, says: str) -> None:
    done = _fit(*words)

    assert done.exit_code == code
    assert any(word in done.stderr for word in says.split("|"))
    assert "hint:" in done.stderr or code == 2
