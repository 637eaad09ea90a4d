"""Text from tokens never shows half a character, whatever the tokenizer and whatever the model says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tokenizers", reason="the extra `gpu` is not installed")
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer

from host_server.engines.transformers_vlm.decode import Decoder, silent_tokens

CORPUS = ["订单合计三百七十八元，已发货。", "Total is 378 yuan 🚚 done. 👍🏽 👩‍👩‍👧", "价格￥5，好", "naïve café"] * 3
TEXTS = st.text(st.sampled_from("价格订单合计👍🏽🚚👩‍👧é ￥5ab\n�"), max_size=40) | st.text(max_size=20)


def byte_level(size: int) -> Tokenizer:
    """Bytes and what the corpus merges of them: tokens end in the middle of characters."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=["<|end|>"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_fallback() -> Tokenizer:
    """As Llama's: words begin with a mark for their space, and characters that are not known are told in bytes."""
    known = ["<unk>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"abTotl5", "▁a", "价"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={word: at for at, word in enumerate(known)},
            merges=[("▁", "a")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken("</s>", special=True)])
    return tokenizer


TOKENIZERS = {"bytes": byte_level(257), "merges": byte_level(320), "fallback": byte_fallback()}
KINDS = st.sampled_from(sorted(TOKENIZERS))


def deltas(kind: str, ids: list[int]) -> list[str]:
    decoder = Decoder(TOKENIZERS[kind], silent_tokens(TOKENIZERS[kind]))
    return [decoder.add(number) for number in ids]


@given(KINDS, TEXTS)
def test_joined_deltas_are_the_text_and_none_of_them_breaks_a_character(kind: str, text: str) -> None:
    ids = TOKENIZERS[kind].encode(text, add_special_tokens=False).ids
    whole = TOKENIZERS[kind].decode(ids)
    told = deltas(kind, ids)

    if not whole.endswith("�"):
        assert "".join(told) == whole
    assert "�" in whole or not any("�" in delta for delta in told)


def test_every_character_comes_with_its_last_byte() -> None:
    text = "价格￥5，好👍🏽"
    told = deltas("bytes", TOKENIZERS["bytes"].encode(text).ids)

    assert [delta for delta in told if delta] == list(text)
    at = [place for place, delta in enumerate(told) if delta]
    assert at == [len(text[: place + 1].encode()) - 1 for place in range(len(text))]


@pytest.mark.parametrize("kind", sorted(TOKENIZERS))
def test_a_character_that_never_ends_is_dropped_at_the_end(kind: str) -> None:
    ids = TOKENIZERS[kind].encode("a好").ids

    assert "".join(deltas(kind, ids[:-1])).strip() == "a"


@pytest.mark.parametrize("special", [True, False])
def test_control_tokens_are_not_told_and_marks_of_thinking_and_boxes_are(special: bool) -> None:
    tokenizer = Tokenizer.from_str(TOKENIZERS["bytes"].to_str())
    words = ["<think>", "a", "<|end|>", "</think>", "<|begin_of_box|>", "b"]
    tokenizer.add_tokens([AddedToken(word, special=special) for word in words if word not in {"a", "b", "<|end|>"}])

    decoder = Decoder(tokenizer, silent_tokens(tokenizer))

    told = [decoder.add(number) for word in words if (number := tokenizer.token_to_id(word)) is not None]
    assert told == ["<think>", "a", "", "</think>", "<|begin_of_box|>", "b"]


@given(KINDS, st.lists(st.integers(0, 256), max_size=80))
def test_nothing_a_model_babbles_breaks_the_stream(kind: str, ids: list[int]) -> None:
    told = "".join(deltas(kind, ids))
    good = TOKENIZERS[kind].encode("好a").ids

    assert "".join(deltas(kind, [*ids, *good])).endswith("a")
    assert len(told) <= len(TOKENIZERS[kind].decode(ids)) + 1


@pytest.mark.parametrize("kind", sorted(TOKENIZERS))
def test_babble_that_becomes_no_character_is_let_go_after_a_while(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    stray = tokenizer.encode("鑫").ids[-1]

    told = deltas(kind, [stray] * 200)

    assert sum(bool(delta) for delta in told) == 200 // 64
    assert set("".join(told)) == {"�"}
