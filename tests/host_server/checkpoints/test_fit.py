"""What a model takes, by the formula, on the numbers of GLM-4.6V-Flash; and where the numbers come from."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.checkpoints import fit
from host_server.checkpoints.errors import CheckpointError
from host_server.checkpoints.fit import Use
from host_server.checkpoints.measure import here, on_hub
from host_server.checkpoints.sources import source_of
from host_server.checkpoints.web import Web
from host_server.engines.options import Quantize
from host_server.engines.transformers_vlm.weights import Tensor
from tests.support.model_hub import ModelHub, model_hub

GIB = 1024**3
GLM = {
    "model_type": "glm4v",
    "text_config": {
        "hidden_size": 4096,
        "num_hidden_layers": 40,
        "num_attention_heads": 32,
        "num_key_value_heads": 2,
        "head_dim": 128,
        "intermediate_size": 13_696,
        "vocab_size": 151_552,
    },
    "vision_config": {
        "hidden_size": 1536,
        "intermediate_size": 13_696,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "image_size": 336,
    },
}


def _glm() -> Iterator[Tensor]:
    """The tensors of GLM-4.6V-Flash: 10.29 billion numbers, 0.89 of them see."""
    language, visual = "model.language_model", "model.visual"
    for layer in range(40):
        at = f"{language}.layers.{layer}"
        shapes: dict[str, tuple[int, ...]] = {
            "self_attn.q_proj.weight": (4096, 4096),
            "self_attn.q_proj.bias": (4096,),
            "self_attn.k_proj.weight": (256, 4096),
            "self_attn.k_proj.bias": (256,),
            "self_attn.v_proj.weight": (256, 4096),
            "self_attn.v_proj.bias": (256,),
            "self_attn.o_proj.weight": (4096, 4096),
            "mlp.gate_up_proj.weight": (27_392, 4096),
            "mlp.down_proj.weight": (4096, 13_696),
        } | {f"norm{number}.weight": (4096,) for number in range(4)}
        for name, shape in shapes.items():
            yield Tensor(f"{at}.{name}", "BF16", shape)
    yield Tensor(f"{language}.embed_tokens.weight", "BF16", (151_552, 4096))
    yield Tensor(f"{language}.norm.weight", "BF16", (4096,))
    yield Tensor("lm_head.weight", "BF16", (151_552, 4096))
    yield Tensor(f"{visual}.everything", "BF16", (892_498_432,))


TENSORS = list(_glm())
SHAPE = fit.shape_of(GLM)
USE = Use(width=2, max_side=1024, max_batch=8)


def test_the_weights_are_those_of_the_repository() -> None:
    assert sum(tensor.count for tensor in TENSORS) == 10_292_777_472
    assert fit.need(SHAPE, TENSORS, USE, "none").weights == 20_585_554_944


def test_a_token_keeps_40_kib() -> None:
    assert SHAPE.kv_per_token(2) == 40 * 1024


def test_a_picture_is_a_token_for_each_28_pixels_squared() -> None:
    assert [SHAPE.picture_tokens(side) for side in (28, 768, 1024, 1536)] == [1, 28**2, 37**2, 55**2]


@pytest.mark.parametrize(
    ("quantize", "weights", "total"), [("none", 20.59, 23.1), ("int8", 12.43, 14.9), ("nf4", 8.86, 11.4)]
)
def test_what_the_whole_takes(quantize: Quantize, weights: float, total: float) -> None:
    needed = fit.need(SHAPE, TENSORS, USE, quantize)

    assert needed.weights / 1e9 == pytest.approx(weights, abs=0.01)
    assert needed.kv == 8 * (37**2 + fit.TEXT_TOKENS) * 40 * 1024
    assert needed.total / 1e9 == pytest.approx(total, abs=0.1)
    assert needed.total == needed.weights + needed.kv + needed.pictures + needed.working


@pytest.mark.parametrize(
    ("memory", "flags"),
    [
        (80, ()),
        (24, ()),
        (16, ("--quantize", "int8")),
        (12, ("--quantize", "nf4")),
        (11, ("--quantize", "nf4", "--max-batch", "4")),
        (8, None),
    ],
)
def test_each_card_gets_its_advice(memory: int, flags: tuple[str, ...] | None) -> None:
    assert fit.advice(SHAPE, TENSORS, USE, memory * GIB) == flags


def test_what_is_asked_for_is_not_taken_back() -> None:
    assert fit.advice(SHAPE, TENSORS, USE, 24 * GIB, quantize="nf4") == ()
    assert fit.advice(SHAPE, TENSORS, USE, 12 * GIB, quantize="int8") == ("--quantize", "nf4")


@given(st.integers(1, 100) | st.floats(8, 30), st.integers(1, 64), st.integers(28, 4096))
def test_advice_that_is_followed_fits(gigabytes: float, batch: int, side: int) -> None:
    memory, use = int(gigabytes * GIB), Use(2, side, batch)
    flags = fit.advice(SHAPE, TENSORS, use, memory)

    if flags is not None:
        given_flags = dict(zip(flags[::2], flags[1::2], strict=True))
        stored: Any = given_flags.get("--quantize", "none")
        smaller = Use(2, int(given_flags.get("--max-side", side)), int(given_flags.get("--max-batch", batch)))
        assert fit.fits(fit.need(SHAPE, TENSORS, smaller, stored), memory)


def test_families_whose_pictures_have_one_size() -> None:
    text = GLM["text_config"]
    llava = {"text_config": text, "vision_config": {"hidden_size": 1024, "patch_size": 14, "image_size": 336}}
    idefics = {"text_config": text, "scale_factor": 2, "vision_config": llava["vision_config"] | {"patch_size": 28}}  # type: ignore[operator]

    assert fit.shape_of(llava).picture_tokens(1024) == 24**2
    assert fit.shape_of(idefics).picture_tokens(672) == 6**2 * (2**2 + 1)


@pytest.mark.parametrize(
    "change",
    [
        {"vision_config": None},
        {"text_config": {}},
        {"text_config": {"hidden_size": -1}},
        {"text_config": {"hidden_size": "4096"}},
        {"vision_config": {"spatial_merge_size": 2, "hidden_size": 5}},
        {"vision_config": {"spatial_merge_size": 0, "hidden_size": 5, "patch_size": 14}},
    ],
)
def test_a_configuration_that_does_not_say_it_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json") as caught:
        fit.shape_of(GLM | change)
    assert caught.value.hint


def test_this_machine_says_what_it_has() -> None:
    assert here().size > 0


def _header(tensors: list[Tensor]) -> tuple[bytes, int]:
    rows: dict[str, Any] = {}
    end = 0
    for tensor in tensors:
        rows[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [end, end + tensor.stored_bytes],
        }
        end += tensor.stored_bytes
    text = json.dumps(rows).encode()
    return len(text).to_bytes(8, "little") + text, end


def _hub_of_glm(hub: ModelHub) -> None:
    """Announces 20.6 GB and has the first bytes of them."""
    told = hub.of_hugging_face()
    for row in told["siblings"]:
        if "lfs" in row:
            half = TENSORS[:260] if "00001" in row["rfilename"] else TENSORS[260:]
            content, data = _header(half)
            hub.files[row["rfilename"]] = content + bytes(1000)
            row["size"] = len(content) + data
    hub.listing = told


FILES = {
    "config.json": json.dumps(GLM).encode(),
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    ).encode(),
    "model-00001-of-00002.safetensors": b"",
    "model-00002-of-00002.safetensors": b"",
}


def test_a_hub_is_asked_for_headers_only() -> None:
    with model_hub(FILES) as hub, Web(hub.endpoint) as web:
        _hub_of_glm(hub)
        measured = on_hub(web, source_of("huggingface", web), hub.model, None)

    assert sum(tensor.count for tensor in measured.tensors) == 10_292_777_472
    assert fit.shape_of(measured.config) == SHAPE


@pytest.mark.parametrize("content", [b"", b"1234", b"<html>no</html>", (10**9).to_bytes(8, "little")])
def test_weights_that_are_none_are_said(content: bytes) -> None:
    with model_hub(FILES) as hub, Web(hub.endpoint) as web:
        _hub_of_glm(hub)
        hub.files["model-00002-of-00002.safetensors"] = content
        with pytest.raises(CheckpointError, match="broken on the hub"):
            on_hub(web, source_of("huggingface", web), hub.model, None)
