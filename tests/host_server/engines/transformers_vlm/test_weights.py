"""What the headers of a checkpoint tell, and that a file which is not whole is named."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm import weights
from host_server.engines.transformers_vlm.weights import Tensor


def _file(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> bytes:
    rows: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + Tensor(name, dtype, shape).stored_bytes
        rows[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    return _headed(json.dumps(rows).encode()) + bytes(end)


def _headed(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


WHOLE = _file({"a.weight": ("BF16", (4, 8)), "b": ("F32", ()), "c": ("I64", (3,))})


def test_names_types_and_shapes_are_read(tmp_path: Path) -> None:
    (tmp_path / weights.SINGLE).write_bytes(WHOLE)

    told = weights.read_weights(tmp_path)

    assert told == [Tensor("a.weight", "BF16", (4, 8)), Tensor("b", "F32", ()), Tensor("c", "I64", (3,))]
    assert [tensor.stored_bytes for tensor in told] == [64, 4, 24]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"abc", "ends in its first bytes"),
        (b"<html>not found</html>", "no safetensors file, or cut"),
        (WHOLE[:40], "no safetensors file, or cut"),
        (WHOLE[:-1], "it has 91 bytes of 92"),
        (WHOLE + b"x", "more bytes than its header says"),
        ((2).to_bytes(8, "little") + b"[]", "makes no sense"),
        ((7).to_bytes(8, "little") + b'{"a":1}', "makes no sense"),
        ((9).to_bytes(8, "little") + b'{"a": {}}', "makes no sense"),
        (_headed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e999]}}'), "makes no sense"),
        (_headed(b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,0]}}'), "makes no sense"),
        (_headed(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}'), "makes no sense"),
        (_headed(b'{"a":{"dtype":"F32","shape":[%s],"data_offsets":[0,0]}}' % (b"9" * 400)), "makes no sense"),
        (_headed(b'{"a":{"dtype":"F32","shape":[1%s],"data_offsets":[0,0]}}' % (b",1" * 16)), "makes no sense"),
    ],
)
def test_a_file_that_is_not_whole_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / weights.SINGLE).write_bytes(content)

    with pytest.raises(EngineError, match=words) as caught:
        weights.read_weights(tmp_path)
    assert caught.value.message.startswith("model.safetensors of ")
    assert "pull" in caught.value.hint


@given(
    st.binary(max_size=300) | st.text(max_size=200).map(lambda text: len(text).to_bytes(8, "little") + text.encode())
)
def test_no_header_can_do_harm(content: bytes) -> None:
    """Whatever a hub sends: tensors or a ValueError in words."""
    length = int.from_bytes(content[:8], "little")
    with contextlib.suppress(ValueError):
        assert isinstance(weights.parse_header(content[8 : 8 + length], max(0, len(content) - 8 - length)), list)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    names = {"a.weight": "model-1.safetensors", "b": "model-2.safetensors"}
    (tmp_path / weights.INDEX).write_text(json.dumps({"weight_map": names}))
    (tmp_path / "model-1.safetensors").write_bytes(WHOLE)

    with pytest.raises(EngineError, match=r"model-2\.safetensors of .* is missing"):
        weights.read_weights(tmp_path)


@pytest.mark.parametrize(
    "index",
    [
        "{",
        "[]",
        "{}",
        '{"weight_map": []}',
        '{"weight_map": {}}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": "../../secret.safetensors"}}',
        '{"weight_map": {"a": "x\\\\y.safetensors"}}',
        '{"weight_map": {"a": "pytorch_model.bin"}}',
        '{"weight_map": {"a": "\\u0000.safetensors"}}',
        '{"weight_map": {"a": "\\ud800.safetensors"}}',
    ],
)
def test_an_index_that_names_no_plain_files_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / weights.INDEX).write_text(index)

    with pytest.raises(EngineError) as caught:
        weights.read_weights(tmp_path)
    assert caught.value.hint


def test_weights_that_are_only_pickled_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")

    with pytest.raises(EngineError, match="only pickled ones"):
        weights.read_weights(tmp_path)


MATRIX = Tensor("model.language_model.layers.0.mlp.up_proj.weight", "BF16", (4096, 1024))
ITS_COUNT = 4096 * 1024


@pytest.mark.parametrize(
    ("tensor", "quantize", "count"),
    [
        (MATRIX, "none", 2 * ITS_COUNT),
        (MATRIX, "int8", ITS_COUNT),
        (MATRIX, "nf4", ITS_COUNT * 9 // 16),
        (Tensor("lm_head.weight", "BF16", (100, 10)), "nf4", 2000),
        (Tensor("model.visual.blocks.0.attn.qkv.weight", "BF16", (100, 10)), "nf4", 2000),
        (Tensor("model.language_model.embed_tokens.weight", "BF16", (100, 10)), "int8", 2000),
        (Tensor("model.language_model.norm.weight", "BF16", (100,)), "int8", 200),
        (Tensor("model.x.qweight", "I32", (100, 10)), "int8", 4000),
        (Tensor("model.x.weight", "F8_E4M3", (100, 10)), "none", 1000),
    ],
)
def test_what_weights_take_once_loaded(tensor: Tensor, quantize: Any, count: int) -> None:
    assert weights.held_bytes([tensor], width=2, quantize=quantize) == count
