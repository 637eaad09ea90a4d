"""Marks and fences are taken off while an answer streams, and nothing else is, however the pieces are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.unwrap import Unwrapper


def _whole(text: str, *, unfence: bool = False, size: int = 1) -> tuple[str, list[tuple[int, int]]]:
    unwrapper = Unwrapper(unfence=unfence)
    said = [unwrapper.add(text[at : at + size]) for at in range(0, len(text), size)]
    return "".join(said) + unwrapper.rest(), unwrapper.spans


@pytest.mark.parametrize(
    ("said", "text", "spans"),
    [
        ("plain", "plain", []),
        ("It is <|begin_of_box|>42<|end_of_box|>.", "It is 42.", [(6, 8)]),
        ("<|begin_of_box|>[[1,2,3,4]]<|end_of_box|>", "[[1,2,3,4]]", [(0, 11)]),
        ("a<|end_of_box|>b", "ab", []),
        ("<|begin_of_box|>never closed", "never closed", []),
        ("1 < 2 <| 3 <|begin", "1 < 2 <| 3 <|begin", []),
        ("<|begin_of_bag|>x<", "<|begin_of_bag|>x<", []),
        ("<<|begin_of_box|>x<|end_of_box|>>", "<x>", [(1, 2)]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_marks_are_taken_off_and_remembered(said: str, text: str, spans: list[tuple[int, int]], size: int) -> None:
    assert _whole(said, size=size) == (text, spans)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('\n ```\r\n{"a": 1}```\n\n', '{"a": 1}'),
        ('<|begin_of_box|>```json\n{"a": 1}\n```<|end_of_box|>', '{"a": 1}'),
        ('```json\n{"a": "`` ` ```"}\n```', '{"a": "`` ` ```"}'),
        ("```json\n{}\n``` Here you are.", "{}\n``` Here you are."),
        ("Here you are: ```json\n{}\n```", "Here you are: ```json\n{}\n```"),
        ("```json {}```", "```json {}```"),
        ("```", "```"),
        ("``", "``"),
        ("```json", "```json"),
        ("```json\n{}", "{}"),
        ("```json\n{}\n``", "{}\n``"),
        ("```json\n{}````", "{}````"),
        ("", ""),
        (" " * 400 + "```\n1\n```", " " * 400 + "```\n1\n```"),
        ("```\n1" + " " * 400 + "```", "1" + " " * 400),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_one_fence_around_the_whole_answer_is_taken_off(said: str, text: str, size: int) -> None:
    given_text, _ = _whole(said, unfence=True, size=size)

    assert given_text.rstrip() == text.rstrip()


def test_text_stays_as_it_is_where_no_json_was_asked_for() -> None:
    assert _whole("```json\n{}\n```") == ("```json\n{}\n```", [])


PARTS = st.sampled_from(
    ["<|begin_of_box|>", "<|end_of_box|>", "```json\n", "```", "\n", "`", "<", "|", "<|", " ", "x", "[[1,2,3,4]]", "好"]
)


@given(st.lists(PARTS, max_size=12).map("".join), st.booleans(), st.integers(1, 9))
def test_how_the_answer_is_cut_into_pieces_makes_no_difference(text: str, unfence: bool, size: int) -> None:
    assert _whole(text, unfence=unfence, size=size) == _whole(text, unfence=unfence, size=len(text) + 1)


@given(st.lists(PARTS, max_size=12).map("".join), st.integers(1, 9))
def test_only_marks_are_missing_and_spans_lie_in_the_text(text: str, size: int) -> None:
    whole, spans = _whole(text, size=size)

    assert whole == text.replace("<|begin_of_box|>", "").replace("<|end_of_box|>", "")
    assert all(0 <= start <= end <= len(whole) for start, end in spans)


def test_marks_without_number_are_not_remembered_without_number() -> None:
    _, spans = _whole("<|begin_of_box|>x<|end_of_box|>" * 300, size=100)

    assert len(spans) == 256
