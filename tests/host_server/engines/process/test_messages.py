"""A question arrives in the child as it was asked; what the child says is believed only when it makes sense."""

from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion, Turn
from host_server.engines.base import (
    EngineClosedError,
    EngineError,
    EngineOutOfMemoryError,
    EngineRestartedError,
    Piece,
    PromptTooLongError,
    Report,
    UpstreamError,
)
from host_server.engines.process import messages
from host_server.engines.process.frames import FrameError, FrameReader, encode

_TEXTS = st.text(st.characters(), max_size=30)
_SIDES = st.integers(1, 9000)
_PICTURES = st.builds(
    PreparedPicture,
    sha256=st.just("ab" * 32),
    width=_SIDES,
    height=_SIDES,
    jpeg=st.binary(max_size=50),
    original_width=_SIDES,
    original_height=_SIDES,
    original_bytes=_SIDES,
    original_media_type=st.just("image/png"),
)
_QUESTIONS = st.builds(
    PreparedQuestion,
    text=_TEXTS,
    pictures=st.lists(_PICTURES, max_size=3).map(tuple),
    system=_TEXTS,
    history=st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), _TEXTS), max_size=3).map(tuple),
    max_output_tokens=st.none() | st.integers(1, 5000),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    stop=st.lists(_TEXTS, max_size=4).map(tuple),
    thinking=st.none() | st.booleans(),
    priority=st.sampled_from(["interactive", "batch"]),
    asker=_TEXTS,
    form=st.none() | st.builds(AnswerForm, name=_TEXTS, schema=st.none() | st.just({"type": "object"})),
)
_COUNTS = st.integers(0, 1 << 39)
_TIMES = st.floats(0, 1e6)
_REPORTS = st.builds(
    Report,
    input_tokens=_COUNTS,
    output_tokens=_COUNTS,
    image_tokens=_COUNTS,
    cached_tokens=_COUNTS,
    reasoning_tokens=_COUNTS,
    waited_s=_TIMES,
    prefill_s=_TIMES,
)
_PIECES = st.builds(
    Piece,
    text=st.text(min_size=1, max_size=30),
    tokens=st.integers(1, 1 << 39),
    cut=st.booleans(),
    thinking=st.booleans(),
    report=st.none() | _REPORTS,
)
_REPORT = Report(input_tokens=900, output_tokens=3)


@given(_QUESTIONS)
def test_a_question_comes_out_as_it_went_in(question: PreparedQuestion) -> None:
    (frame,) = FrameReader().feed(messages.ask(7, question))

    assert messages.number_of(frame.message) == 7
    assert messages.question_of(frame) == question


@given(_PIECES)
def test_a_piece_comes_out_as_it_went_in(piece: Piece) -> None:
    (frame,) = FrameReader().feed(encode(messages.piece(1, piece)))

    assert messages.piece_of(frame.message) == piece


def test_half_of_a_character_comes_to_nobody_as_text() -> None:
    """No answer that held one could be sent: it would have no end for whoever waits for it."""
    assert messages.piece_of(messages.piece(1, Piece("a\ud800b"))).text == "a?b"
    assert messages.error_of(messages.failed(1, EngineError("a\ud800", hint="\udfffb"))).message == "a?"


@pytest.mark.parametrize("piece", [Piece("", 0, report=_REPORT), Piece("", 0, cut=True)])
def test_a_last_piece_may_have_no_words(piece: Piece) -> None:
    assert messages.piece_of(messages.piece(1, piece)) == piece


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": 1},
        {"tokens": 0},
        {"tokens": -1},
        {"tokens": True},
        {"tokens": "1"},
        {"tokens": 10**400},
        {"cut": 1},
        {"cut": None},
        {"thinking": 1},
        {"thinking": None},
        {"report": []},
        {"report": {}},
        {"report": {"input_tokens": 1}},
    ],
)
def test_a_piece_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        messages.piece_of(messages.piece(1, Piece("a")) | change)


@pytest.mark.parametrize("value", [-1, 1.5, True, None, "1", [], 10**400])
@pytest.mark.parametrize("name", ["input_tokens", "output_tokens", "image_tokens", "cached_tokens", "reasoning_tokens"])
def test_tokens_are_whole_and_not_too_many(name: str, value: object) -> None:
    with pytest.raises(FrameError):
        messages.piece_of(messages.piece(1, Piece("a", report=_REPORT)) | {"report": asdict(_REPORT) | {name: value}})


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), True, None, "1"])
@pytest.mark.parametrize("name", ["waited_s", "prefill_s"])
def test_times_are_times(name: str, value: object) -> None:
    with pytest.raises(FrameError):
        messages.piece_of(messages.piece(1, Piece("a", report=_REPORT)) | {"report": asdict(_REPORT) | {name: value}})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_KNOWN = st.sampled_from(
    ["text", "tokens", "cut", "thinking", "report", "memory", "steps", "kind", "message", "hint", "id"]
)


@given(st.dictionaries(_KNOWN, _JSON))
def test_whatever_a_child_says_is_a_piece_or_is_refused(message: dict[str, Any]) -> None:
    for read in (messages.piece_of, messages.memory_of, messages.number_of, messages.steps_of):
        with suppress(FrameError):
            read(message)
    assert isinstance(messages.error_of(message), EngineError)


def test_what_a_child_holds_comes_out_as_it_went_in() -> None:
    for memory in ({}, {"rss": 0}, {"rss": 1 << 40, "device": 5}):
        assert messages.memory_of(messages.pong(memory)) == memory
    assert messages.steps_of(messages.pong({}, 7)) == 7


@pytest.mark.parametrize(
    "memory", [None, [], {"rss": -1}, {"rss": 1.0}, {"rss": True}, {"rss": 1 << 60}, {"other": 1}, {"rss": "1"}]
)
def test_what_a_child_cannot_hold_is_refused(memory: object) -> None:
    with pytest.raises(FrameError):
        messages.memory_of({"type": "pong", "memory": memory})


@pytest.mark.parametrize("steps", [None, "1", 1.0, True])
def test_steps_are_counted_whole(steps: object) -> None:
    with pytest.raises(FrameError):
        messages.steps_of({"type": "pong", "steps": steps})


@pytest.mark.parametrize(
    "kind", [EngineClosedError, EngineOutOfMemoryError, EngineRestartedError, PromptTooLongError, UpstreamError]
)
def test_each_kind_of_failure_is_told_as_what_it_is(kind: type[EngineError]) -> None:
    error = messages.error_of(messages.failed(1, kind("why", hint="how")))

    assert (type(error), error.message, error.hint, error.code) == (kind, "why", "how", kind.code)


@pytest.mark.parametrize("number", [None, "1", True, 1.0])
def test_a_message_needs_its_number(number: object) -> None:
    with pytest.raises(FrameError):
        messages.number_of({"id": number})


def test_failures_keep_their_kind_and_their_words_within_bounds() -> None:
    closed = messages.error_of(messages.failed(1, EngineClosedError("closed")))
    failed = messages.error_of(messages.failed(1, EngineError("m" * 9000, hint="h")))

    assert isinstance(closed, EngineClosedError)
    assert type(failed) is EngineError
    assert (len(failed.message), failed.hint) == (500, "h")
