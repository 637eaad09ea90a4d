"""A question arrives in the child as it was asked; what the child says is believed only when it makes sense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.core.question import AnswerForm, PreparedPicture, PreparedQuestion, Turn
from host_server.engines.base import EngineClosedError, EngineError, Piece
from host_server.engines.process import messages
from host_server.engines.process.frames import FrameError, FrameReader

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
    form=st.none() | st.builds(AnswerForm, name=_TEXTS, schema=st.none() | st.just({"type": "object"})),
)


@given(_QUESTIONS)
def test_a_question_comes_out_as_it_went_in(question: PreparedQuestion) -> None:
    (frame,) = FrameReader().feed(messages.ask(7, question))

    assert messages.number_of(frame.message) == 7
    assert messages.question_of(frame) == question


@pytest.mark.parametrize("piece", [Piece("a"), Piece("\ud800", 3, cut=True)])
def test_a_piece_comes_out_as_it_went_in(piece: Piece) -> None:
    assert messages.piece_of(messages.piece(1, piece)) == piece


@pytest.mark.parametrize(
    "change", [{"text": ""}, {"text": 1}, {"tokens": 0}, {"tokens": True}, {"tokens": "1"}, {"cut": 1}, {"cut": None}]
)
def test_a_piece_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        messages.piece_of(messages.piece(1, Piece("a")) | change)


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
