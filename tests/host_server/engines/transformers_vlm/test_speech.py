"""What is said does not depend on the bits it comes in: thinking apart, stops kept, nothing lost or told early."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.base import Piece
from host_server.engines.transformers_vlm.marks import CLOSING, OPENING, Said, Thoughts, unfinished
from host_server.engines.transformers_vlm.speech import Speech
from host_server.engines.transformers_vlm.stops import Stops

BITS = st.sampled_from(["<", ">", "/", "think", OPENING, CLOSING, " ", "\n", "th", "ink>", "a", "ab", "b", "蓝", "🚚"])
TEXTS = st.lists(BITS, max_size=24).map("".join)
STOPS = st.lists(st.text("ab<\n蓝", min_size=1, max_size=4), max_size=4)


def in_bits(text: str, cuts: Sequence[int]) -> list[str]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def spoken(bits: Iterable[str], *, thinking: bool = False, stop: Sequence[str] = ()) -> tuple[str, str, list[Piece]]:
    """The thinking, the answer, and all pieces of a speech whose tokens are these bits."""
    texts = list(bits)
    speech = Speech(texts.__getitem__, thinking=thinking, stop=stop)
    pieces = [piece for token in range(len(texts)) for piece in speech.add(token)] + speech.rest()
    thought = "".join(piece.text for piece in pieces if piece.thinking)
    return thought, "".join(piece.text for piece in pieces if not piece.thinking), pieces


class TestThoughts:
    @given(TEXTS, st.lists(st.integers(0, 200), max_size=8), st.booleans(), STOPS)
    def test_the_bits_it_comes_in_make_no_difference(
        self, text: str, cuts: list[int], thinking: bool, stop: list[str]
    ) -> None:
        whole = spoken([text], thinking=thinking, stop=stop)
        assert spoken(in_bits(text, cuts), thinking=thinking, stop=stop)[:2] == whole[:2]
        assert spoken(text, thinking=thinking, stop=stop)[:2] == whole[:2]

    @pytest.mark.parametrize(
        ("text", "thought", "answer"),
        [
            ("blue", "", "blue"),
            (" blue\n", "", " blue\n"),
            ("<think>sky, so</think>\n\nblue", "sky, so", "blue"),
            ("\n<think>\nsky\n</think>blue", "sky\n", "blue"),
            ("<think></think>\nblue", "", "blue"),
            ("</think>\nblue", "", "blue"),
            ("<think>not to an end", "not to an end", ""),
            ("<think>x</thin", "x</thin", ""),
            ("<thin", "", "<thin"),
            ("\n \n", "", "\n \n"),
            ("It says <think>a</think>.", "", "It says <think>a</think>."),
            ("<think>a</think>It says <think>b</think>.", "a", "It says <think>b</think>."),
            (" " * 65 + "<think>a</think>b", "", " " * 65 + "<think>a</think>b"),
        ],
    )
    def test_thinking_stands_before_the_answer_and_nowhere_else(self, text: str, thought: str, answer: str) -> None:
        assert spoken(text)[:2] == (thought, answer)

    def test_a_template_may_have_begun_the_thinking(self) -> None:
        assert spoken("\nsky, so</think>\nblue", thinking=True)[:2] == ("sky, so", "blue")

    def test_what_is_certain_is_told_at_once(self) -> None:
        thoughts = Thoughts()
        assert thoughts.add("<th") == []
        assert thoughts.add("ink>sk") == [Said("sk", thinking=True)]
        assert thoughts.add("y</") == [Said("y", thinking=True)]
        assert thoughts.add("b></think> b") == [Said("</b>", thinking=True), Said("b", thinking=False)]
        assert thoughts.add("<think>") == [Said("<think>", thinking=False)]
        assert thoughts.rest() == []


class TestStops:
    @pytest.mark.parametrize(
        ("stop", "text", "answer"),
        [
            (["."], "One. Two.", "One"),
            (["\n\n"], "One\nTwo\n\nThree", "One\nTwo"),
            (["abcd", "bc"], "xabcd", "xa"),
            (["c", "abc"], "xabcd", "x"),
            (["蓝色"], "是蓝的，不是蓝色", "是蓝的，不是"),
            (["ab"], "aab", "a"),
            (["aab"], "aaab", "a"),
            (["ab", ""], "xa", "xa"),
            ([], "x", "x"),
        ],
    )
    def test_the_answer_ends_before_the_first_stop(self, stop: list[str], text: str, answer: str) -> None:
        assert spoken([text], stop=stop)[1] == spoken(text, stop=stop)[1] == answer

    @given(TEXTS, STOPS)
    def test_no_stop_is_ever_told_and_nothing_before_one_is_lost(self, text: str, stop: list[str]) -> None:
        stops = Stops(stop)
        told = "".join(map(stops.add, text)) + stops.rest()

        assert not any(word in told for word in stop)
        assert text.startswith(told)
        assert stops.hit == any(word in text for word in stop)
        assert stops.hit or told == text

    def test_only_what_may_become_a_stop_is_held_back(self) -> None:
        stops = Stops(["STOP"])
        assert [stops.add(bit) for bit in ("A ST", "ILL ", "S", "T", "O", "P", "more")] == [
            "A ",
            "STILL ",
            "",
            "",
            "",
            "",
            "",
        ]
        assert stops.hit

    def test_thinking_may_say_a_stop(self) -> None:
        assert spoken("<think>1. sky 2. sea</think>blue. Or", stop=["."])[:2] == ("1. sky 2. sea", "blue")

    def test_after_a_stop_nothing_more_is_said_or_counted(self) -> None:
        speech = Speech(["a", ".", "b"].__getitem__, stop=["."])
        assert [speech.add(token) for token in range(3)] == [[Piece("a")], [], []]
        assert speech.stopped
        assert speech.rest() == []


class TestTokens:
    @given(TEXTS, st.lists(st.integers(0, 200), max_size=8), STOPS)
    def test_every_piece_has_text_and_tokens_and_a_token_counts_twice_only_when_its_text_is_torn(
        self, text: str, cuts: list[int], stop: list[str]
    ) -> None:
        bits = in_bits(text, cuts)
        pieces = spoken(bits, stop=stop)[2]

        assert all(piece.text and piece.tokens >= 1 for piece in pieces)
        torn = 1 + sum(before.thinking != after.thinking for before, after in pairwise(pieces))
        assert sum(piece.tokens for piece in pieces) <= len(bits) + torn

    def test_tokens_that_were_held_back_are_counted_with_the_text_they_became(self) -> None:
        pieces = spoken(["<thi", "nk>", "a", "b</", "think>", "\n", "blue", "", "."])[2]
        assert [(piece.text, piece.tokens, piece.thinking) for piece in pieces] == [
            ("a", 3, True),
            ("b", 1, True),
            ("blue", 3, False),
            (".", 2, False),
        ]

    @pytest.mark.parametrize(
        ("bits", "thinking", "reasoning"),
        [
            (["<thi", "nk>", "a", "b</", "think>", "\n", "blue"], False, 5),
            (["a", "b", "</think>", "blue"], True, 3),
            (["<think></think>", "blue"], False, 0),
            (["blue"], False, 0),
            (["<think>", "a"], False, 2),
        ],
    )
    def test_tokens_of_thinking_are_counted_with_its_marks(
        self, bits: list[str], thinking: bool, reasoning: int
    ) -> None:
        speech = Speech(bits.__getitem__, thinking=thinking)
        for token in range(len(bits)):
            speech.add(token)
        assert speech.reasoning_tokens == reasoning


@given(TEXTS, st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3))
def test_the_unfinished_end_of_a_text_is_the_longest_that_begins_a_mark(text: str, marks: list[str]) -> None:
    ends = [text[len(text) - size :] for size in range(len(text) + 1)]
    assert unfinished(text, marks) == max(
        len(end) for end in ends if not end or any(mark.startswith(end) and mark != end for mark in marks)
    )
