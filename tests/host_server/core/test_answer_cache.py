"""What the answer cache finds again, and what it must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.answer_cache import AnswerCache, CachedAnswer, cache_key
from host_server.core.question import AnswerForm, Turn

ASKED = {
    "engine": ("ocr", "PP-OCR 6", 2000),
    "pictures": ("aa", "bb"),
    "text": "What is the total?",
    "system": "Be short.",
    "history": (Turn("user", "Hello"), Turn("assistant", "Hi")),
    "max_output_tokens": 100,
    "stop": ("END",),
    "thinking": False,
    "form": AnswerForm("total", {"type": "object"}, "the sum"),
}
TOTAL = CachedAnswer("42.00", 3)
ONE = CachedAnswer("a" * 488, 1)  # 1,000 bytes with what an entry costs


def keep(cache: AnswerCache, key: str, answer: CachedAnswer = ONE, *, picture: str = "aa", now: float = 0) -> None:
    cache.remember(key, answer, principal="admin", pictures=[picture], now=now)


def test_the_same_question_has_the_same_name() -> None:
    assert cache_key("admin", **ASKED) == cache_key("admin", **ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        {"engine": ("vlm", "PP-OCR 6", 2000)},
        {"engine": ("ocr", "PP-OCR 5", 2000)},
        {"engine": ("ocr", "PP-OCR 6", 1024)},
        {"pictures": ("bb", "aa")},
        {"pictures": ("aa",)},
        {"text": "What is the date?"},
        {"system": "Be long."},
        {"history": ()},
        {"history": (Turn("assistant", "Hello"), Turn("assistant", "Hi"))},
        {"max_output_tokens": None},
        {"stop": ()},
        {"stop": ("E", "ND")},
        {"thinking": None},
        {"thinking": True},
        {"form": None},
        {"form": AnswerForm("total", {"type": "array"}, "the sum")},
        {"form": AnswerForm("total", {"type": "object"}, "")},
    ],
)
def test_whatever_decides_the_words_makes_another_name(other: dict[str, object]) -> None:
    assert cache_key("admin", **ASKED) != cache_key("admin", **(ASKED | other))  # type: ignore[arg-type]


def test_another_client_has_another_name_for_the_same_question() -> None:
    assert cache_key("admin", **ASKED) != cache_key("key_1", **ASKED)  # type: ignore[arg-type]


def test_an_answer_is_found_while_it_is_fresh() -> None:
    cache = AnswerCache(max_bytes=10_000, keep_s=60)
    keep(cache, "q", TOTAL, now=100)

    assert cache.find("q", now=159) == TOTAL
    assert cache.find("other", now=159) is None
    assert cache.find("q", now=160) is None
    assert cache.size == 0


def test_the_least_recently_used_goes_first() -> None:
    cache = AnswerCache(max_bytes=3_000, keep_s=60)
    for key in "abc":
        keep(cache, key)
    cache.find("a", now=1)
    keep(cache, "d")

    assert [key for key in "abcd" if cache.find(key, now=1)] == ["a", "c", "d"]


def test_an_answer_that_is_larger_than_the_cache_is_not_kept() -> None:
    cache = AnswerCache(max_bytes=999, keep_s=60)
    keep(cache, "a")

    assert cache.find("a", now=0) is None
    assert cache.size == 0


def test_a_newer_answer_takes_the_place_of_the_old_one() -> None:
    cache = AnswerCache(max_bytes=10_000, keep_s=60)
    keep(cache, "q")
    keep(cache, "q", TOTAL)

    assert cache.find("q", now=0) == TOTAL
    assert cache.size == TOTAL.size


def test_a_deleted_picture_takes_its_answers_along_and_no_others() -> None:
    cache = AnswerCache(max_bytes=10_000, keep_s=60)
    keep(cache, "mine")
    keep(cache, "of another picture", picture="bb")
    cache.remember("of another client", ONE, principal="key_1", pictures=["aa"], now=0)
    cache.forget_picture("admin", "aa")

    assert [key for key in ("mine", "of another picture", "of another client") if cache.find(key, now=0)] == [
        "of another picture",
        "of another client",
    ]
    assert cache.size == 2 * ONE.size


def test_with_no_bytes_it_is_off() -> None:
    assert not AnswerCache(max_bytes=0, keep_s=60).on
    assert AnswerCache(max_bytes=1, keep_s=60).on


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3_000), st.sampled_from(["aa", "bb"]))))
def test_it_never_holds_more_than_it_may_and_counts_what_it_holds(
    steps: list[tuple[str, int, str]],
) -> None:
    cache = AnswerCache(max_bytes=5_000, keep_s=60)
    for key, length, picture in steps:
        keep(cache, key, CachedAnswer("é" * length, 1), picture=picture)
        found = [answer for name in "abcdef" if (answer := cache.find(name, now=0))]
        assert cache.size == sum(answer.size for answer in found) <= 5_000
    cache.forget_picture("admin", "aa")
    cache.forget_picture("admin", "bb")
    assert cache.size == 0
