"""The parts of the step loop that hold tensors or remember: the tree of prefixes, the rows, the dice, the pictures."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the extra `gpu` is not installed")

from host_server.engines.options import EngineOptions  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.kept import Kept  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.layout import (  # ruff: ignore[module-import-not-at-top-of-file]
    lay_out_for_rows,
)
from host_server.engines.transformers_vlm.load import load  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.prefixes import (  # ruff: ignore[module-import-not-at-top-of-file]
    PrefixTree,
    key_of,
)
from host_server.engines.transformers_vlm.request import (  # ruff: ignore[module-import-not-at-top-of-file]
    Request,
    Sampling,
)
from host_server.engines.transformers_vlm.rows import Rows  # ruff: ignore[module-import-not-at-top-of-file]
from host_server.engines.transformers_vlm.sampling import (  # ruff: ignore[module-import-not-at-top-of-file]
    Dice,
    Picker,
)
from host_server.engines.transformers_vlm.vision import pictures_of  # ruff: ignore[module-import-not-at-top-of-file]

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Letters:
    """Stands for keys and values: a byte a token."""

    text: str

    @property
    def nbytes(self) -> int:
        return len(self.text)

    def part(self, start: int, end: int) -> Self:
        return replace(self, text=self.text[start:end])

    def copy(self) -> Self:
        return self


def found(tree: PrefixTree[Letters], text: str) -> str:
    length, parts = tree.find(tuple(text))
    known = "".join(part.text for part in parts)
    assert len(known) == length
    return known


class TestPrefixTree:
    def test_what_was_kept_is_found_as_far_as_it_is_the_same(self) -> None:
        tree: PrefixTree[Letters] = PrefixTree()
        assert found(tree, "picture") == ""
        tree.keep(tuple("picture one"), Letters("picture one"), 100)
        tree.keep(tuple("picture two"), Letters("picture two"), 100)
        assert tree.nbytes == len("picture one" + "two")
        assert found(tree, "picture one and more") == "picture one"
        assert found(tree, "picture three") == "picture t"
        assert found(tree, "pic") == "pic"
        assert found(tree, "other") == ""

    def test_what_is_known_is_not_kept_twice(self) -> None:
        tree: PrefixTree[Letters] = PrefixTree()
        for text in ("abcdef", "abc", "abcdef"):
            tree.keep(tuple(text), Letters(text), 100)
        assert tree.nbytes == 6

    def test_what_was_used_longest_ago_is_forgotten_first_and_ends_before_beginnings(self) -> None:
        tree: PrefixTree[Letters] = PrefixTree()
        for text in ("ab-1", "ab-2", "ab-3"):
            tree.keep(tuple(text), Letters(text), 100)
        assert found(tree, "ab-1") == "ab-1"
        tree.shrink(4)
        assert [found(tree, text) for text in ("ab-1", "ab-2", "ab-3")] == ["ab-1", "ab-", "ab-"]
        tree.shrink(0)
        assert found(tree, "ab-1") == ""
        assert tree.nbytes == 0

    def test_what_is_larger_than_the_limit_is_not_kept(self) -> None:
        tree: PrefixTree[Letters] = PrefixTree()
        tree.keep(tuple("abcdef"), Letters("abcdef"), 5)
        assert tree.nbytes == 0

    @given(
        asked=st.lists(st.text("ab", min_size=1, max_size=12), max_size=30),
        limit=st.integers(0, 40),
    )
    def test_it_never_tells_anything_else_than_was_kept_and_stays_within_its_limit(
        self, asked: list[str], limit: int
    ) -> None:
        tree: PrefixTree[Letters] = PrefixTree()
        for text in asked:
            assert text.startswith(found(tree, text))
            tree.keep(tuple(text), Letters(text), limit)
            assert tree.nbytes <= limit
            if limit >= sum(map(len, asked)):
                assert found(tree, text) == text


PICTURE = 7


def request(*ids: int, pictures: tuple[str, ...] = ()) -> Request:
    return Request(1, ids, pictures=pictures)


class TestKeys:
    def test_a_picture_is_known_by_its_digest_and_not_by_its_tokens(self) -> None:
        one, two = (key_of(request(1, 7, 7, 2, pictures=(digest,)), PICTURE) for digest in ("a", "b"))
        assert one == (("", 1), "a", "a", 2)
        assert two == (("", 1), "b", "b", 2)

    def test_each_of_several_pictures_has_its_own_place(self) -> None:
        asked = request(1, 7, 7, 2, 7, 3, pictures=("a", "b"))
        assert key_of(asked, PICTURE, answer=(4, 5)) == (("", 1), "a", "a", 2, "b", 3, 4, 5)

    @pytest.mark.parametrize("ids", [(1, 7, 2, 7, 3, 7), (1, 7, 7)])
    def test_where_the_places_are_not_one_for_each_all_pictures_stand_for_each(self, ids: tuple[int, ...]) -> None:
        asked = request(*ids, pictures=("a", "b"))
        assert {element for element in key_of(asked, PICTURE)[1:] if isinstance(element, tuple)} == {("a", "b")}


class TestPictures:
    def test_pictures_with_grids_are_divided_by_their_grids(self) -> None:
        grid = torch.tensor([[1, 2, 2], [1, 2, 4]])
        pixels = torch.arange(12.0)[:, None]
        asked = replace(request(pictures=("a", "b")), inputs={"pixel_values": pixels, "image_grid_thw": grid})
        first, second = pictures_of(asked)
        assert (first.digest, second.digest) == (("a",), ("b",))
        assert first.inputs["pixel_values"].tolist() == pixels[:4].tolist()
        assert second.inputs["image_grid_thw"].tolist() == [[1, 2, 4]]

    def test_pictures_of_one_size_are_divided_one_by_one(self) -> None:
        asked = replace(request(pictures=("a", "b")), inputs={"pixel_values": torch.zeros(2, 3, 4, 4)})
        assert [picture.digest for picture in pictures_of(asked)] == [("a",), ("b",)]

    def test_what_cannot_be_divided_is_one_under_all_digests(self) -> None:
        tiles = {"pixel_values": torch.zeros(1, 5, 3, 4, 4), "pixel_attention_mask": torch.ones(1, 5, 4, 4)}
        asked = replace(request(pictures=("a", "b")), inputs=tiles)
        assert [picture.digest for picture in pictures_of(asked)] == [("a", "b")]


def kept(length: int, seed: int) -> Kept:
    """Two layers of two heads."""
    dice = torch.Generator().manual_seed(seed)
    layers = [tuple(torch.randn((1, 2, length, 3), generator=dice) for _ in "kv") for _ in range(2)]
    return Kept(tuple((keys, values) for keys, values in layers))


@dataclass
class Naive:
    """What `Rows` shall be: a list of rows, each a tensor."""

    rows: list[Any]

    def same(self, rows: Rows) -> bool:
        return rows.count == len(self.rows) and all(
            torch.equal(expected, rows.kept(row).layers[1][0][0]) for row, expected in enumerate(self.rows)
        )


class TestRows:
    @settings(max_examples=40)
    @given(data=st.data())
    def test_rows_hold_what_was_put_in_them_whoever_joins_and_leaves(self, data: st.DataObject) -> None:
        rows, naive = Rows(), Naive([])
        for turn in range(data.draw(st.integers(1, 25))):
            what = data.draw(st.sampled_from(["join", "leave", "step", "steps", "torn", "trim"]))
            if what == "join" and len(naive.rows) < 5:
                joining = kept(data.draw(st.integers(1, 200)), seed=turn)
                rows.join(joining)
                naive.rows.append(joining.layers[1][0][0])
            elif what == "leave" and naive.rows:
                row = data.draw(st.integers(0, len(naive.rows) - 1))
                rows.leave(row)
                naive.rows[row] = naive.rows[-1]
                naive.rows.pop()
            elif what == "trim":
                rows.trim()
            elif naive.rows and what in {"step", "steps", "torn"}:
                for _ in range(150 if what == "steps" else 1):
                    self._step(rows, naive, counts=what != "torn")
            assert naive.same(rows)

    def _step(self, rows: Rows, naive: Naive, *, counts: bool) -> None:
        rows.make_room()
        lengths = [row.shape[-2] for row in naive.rows]
        mask = rows.mask()
        new = torch.randn((rows.count, 2, 1, 3))
        rows.cache.update(new, new, 0)
        keys, _ = rows.cache.update(new, new, 1)
        assert keys.shape[-2] == max(lengths) + 1
        if mask is not None:
            assert mask.sum(-1).tolist() == [length + 1 for length in lengths]
            assert mask.shape == (rows.count, keys.shape[-2])
        else:
            assert set(lengths) == {lengths[0]}
        assert not keys.isnan().any()
        if counts:
            rows.advance()
            naive.rows = [torch.cat([row, new[place]], dim=-2) for place, row in enumerate(naive.rows)]

    def test_a_step_copies_nothing_but_its_column(self) -> None:
        rows = Rows()
        rows.join(kept(10, seed=1))
        rows.make_room()
        before = rows.cache.get_seq_length()
        keys, _ = rows.cache.update(torch.ones(1, 2, 1, 3), torch.ones(1, 2, 1, 3), 0)
        rows.advance()
        again, _ = rows.cache.update(torch.ones(1, 2, 1, 3), torch.ones(1, 2, 1, 3), 0)
        assert before == 10
        assert keys.data_ptr() == again.data_ptr()

    def test_memory_is_given_back_when_asked_and_when_nobody_is_left(self) -> None:
        rows = Rows()
        for seed in range(4):
            rows.join(kept(10, seed))
        four = rows.nbytes
        for _ in range(3):
            rows.leave(0)
        assert rows.nbytes == four
        rows.trim()
        assert rows.nbytes * 4 == four
        rows.leave(0)
        assert rows.nbytes == 0


def dice(temperature: float = 1.0, top_p: float = 1.0, seed: int | None = 1) -> Dice:
    return Dice(Sampling(temperature, top_p, seed), CPU)


class TestDice:
    def test_without_temperature_the_likeliest_token_is_taken_and_never_a_suppressed_one(self) -> None:
        logits = torch.tensor([[1.0, 5.0, 3.0], [9.0, 5.0, 6.0]])
        assert Picker((), CPU).pick(logits, [dice(0), dice(0)]).tolist() == [1, 0]
        assert Picker((1,), CPU).pick(logits, [dice(0), dice(0)]).tolist() == [2, 0]
        assert logits[0].tolist() == [1.0, 5.0, 3.0]

    def test_tokens_are_drawn_as_often_as_they_are_likely(self) -> None:
        odds = torch.tensor([0.5, 0.3, 0.15, 0.05])
        drawn = self._draw(odds.log(), dice(), 4000)
        # Four standard deviations of a share of 4000 are 0.032 at most.
        assert torch.allclose(drawn, odds, atol=0.032)

    def test_a_low_temperature_makes_the_likely_likelier(self) -> None:
        odds = torch.tensor([0.5, 0.3, 0.15, 0.05])
        drawn = self._draw(odds.log(), dice(temperature=0.5), 4000)
        assert torch.allclose(drawn, odds**2 / (odds**2).sum(), atol=0.032)

    @pytest.mark.parametrize(
        ("top_p", "left"), [(0.0, 1), (1e-60, 1), (0.01, 1), (0.5, 1), (0.51, 2), (0.8, 2), (0.9, 3), (1.0, 4)]
    )
    def test_only_the_likeliest_that_reach_top_p_together_are_drawn(self, top_p: float, left: int) -> None:
        odds = torch.tensor([0.05, 0.5, 0.15, 0.3])
        drawn = self._draw(odds.log(), dice(top_p=top_p), 500)
        assert (drawn > 0).sum() == left
        assert drawn[1] > 0

    @pytest.mark.parametrize("temperature", [1e-4, 1e-40, 1e-300])
    def test_next_to_no_temperature_takes_the_likeliest_token(self, temperature: float) -> None:
        logits = torch.tensor([[1.0, 5.0, 3.0], [9.0, 5.0, 6.0]])
        both = [dice(temperature), dice(temperature, top_p=0.5)]
        assert Picker((), CPU).pick(logits * 20, both).tolist() == [1, 0]

    def test_each_row_has_its_own_dice(self) -> None:
        logits = torch.zeros(2, 50)
        picker = Picker((), CPU)
        one, two = dice(seed=1), dice(seed=2)
        together = [picker.pick(logits, [one, two]).tolist() for _ in range(20)]
        for place, seed in enumerate((1, 2)):
            die = dice(seed=seed)
            assert [picker.pick(logits[:1], [die]).item() for _ in range(20)] == [pair[place] for pair in together]

    def test_without_a_seed_every_answer_is_another(self) -> None:
        logits = torch.zeros(1, 1000)
        picker = Picker((), CPU)
        first, second = dice(seed=None), dice(seed=None)
        assert [picker.pick(logits, [first]).item() for _ in range(9)] != [
            picker.pick(logits, [second]).item() for _ in range(9)
        ]

    def _draw(self, logits: Any, die: Dice, times: int) -> Any:
        """How often each token was drawn, as a share."""
        picked = Picker((), CPU).pick(logits.expand(1, -1), [die])
        assert picked.shape == (1,)
        counted = torch.zeros(len(logits))
        for _ in range(times):
            counted[Picker((), CPU).pick(logits.expand(1, -1), [die])] += 1
        return counted / times


def test_weights_are_turned_in_memory_and_stay_what_they_are(tiny_model: Callable[[str], Path]) -> None:
    loaded = load(str(tiny_model("llava")), EngineOptions(device="cpu", dtype="float32", threads=1, offline=True))
    before = {name: weights.clone() for name, weights in loaded.model.named_parameters()}
    lay_out_for_rows(loaded)
    after = dict(loaded.model.named_parameters())
    assert all(torch.equal(weights, after[name]) for name, weights in before.items())
    turned = {name for name, weights in after.items() if not weights.is_contiguous()}
    assert any("language_model" in name and "mlp" in name for name in turned)
    assert not any("vision" in name or "lm_head" in name or "embed" in name for name in turned)


def test_weights_on_a_card_or_of_another_type_are_left_alone(tiny_model: Callable[[str], Path]) -> None:
    loaded = load(str(tiny_model("llava")), EngineOptions(device="cpu", dtype="bfloat16", threads=1, offline=True))
    lay_out_for_rows(loaded)
    assert all(weights.is_contiguous() for weights in loaded.model.parameters())
