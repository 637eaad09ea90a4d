"""What an upstream says as pieces: the known endings, both names of thinking, usage, and nothing believed."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.base import Piece, Report, UpstreamError, UpstreamRefusedError
from host_server.engines.upstream.transcript import Transcript

USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 80, "image_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
REPORT = Report(100, 7, image_tokens=60, cached_tokens=80, reasoning_tokens=3)


def data(delta: dict[str, Any] | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}], **more}).encode()


def told(*events: bytes, transcript: Transcript | None = None) -> list[Piece]:
    transcript = transcript or Transcript()
    pieces = [piece for event in events for piece in transcript.read(event)] + transcript.end()
    last = transcript.last()
    return [*pieces, *([last] if last else [])]


def text(pieces: list[Piece], *, thinking: bool = False) -> str:
    return "".join(piece.text for piece in pieces if piece.thinking is thinking)


@pytest.mark.parametrize(
    "ending",
    [
        [data(finish="stop"), json.dumps({"choices": [], "usage": USAGE}).encode(), b"[DONE]"],  # vLLM, OpenAI
        [data(finish="stop", usage=USAGE)],  # transformers serve
        [data(finish="stop", usage=USAGE), b"[DONE]"],
        [json.dumps({"choices": [], "usage": USAGE}).encode(), b" [DONE] "],
    ],
)
def test_every_known_ending_is_one(ending: list[bytes]) -> None:
    pieces = told(data({"role": "assistant", "content": ""}), data({"content": "Hi"}), *ending)

    assert pieces == [Piece("Hi"), Piece("", 0, report=REPORT)]


def test_an_end_without_usage_is_one_too() -> None:
    assert told(data({"content": "Hi"}), data(finish="stop")) == [Piece("Hi")]


def test_an_answer_that_is_not_streamed_is_read_as_well() -> None:
    whole = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "length"}], "usage": USAGE}

    assert told(json.dumps(whole).encode()) == [Piece("Hi"), Piece("", 0, cut=True, report=REPORT)]


@pytest.mark.parametrize("events", [[data({"content": "Hi"})], [data({"reasoning": "Hm"})]])
def test_an_answer_that_breaks_off_is_no_answer(events: list[bytes]) -> None:
    with pytest.raises(UpstreamError, match="broke off"):
        told(*events)


@pytest.mark.parametrize("events", [[], [b"nonsense"], [b"[]"], [b"1"], [b"[" * 100_000], [b"\xff"]])
def test_what_is_no_completion_is_said_to_be_none(events: list[bytes]) -> None:
    with pytest.raises(UpstreamError, match="no chat completion") as caught:
        told(*events)

    assert "/v1" in caught.value.hint


@pytest.mark.parametrize(
    "deltas",
    [
        [{"reasoning": "Let me "}, {"reasoning": "see."}, {"content": "Red"}],
        [{"reasoning_content": "Let me see."}, {"content": "Red", "reasoning_content": None}],
        [{"reasoning": "Let me see.", "reasoning_content": "Let me see."}, {"content": "Red"}],
        [{"content": "<thi"}, {"content": "nk>Let me "}, {"content": "see.</think>\n\nRed"}],
    ],
)
def test_thinking_is_told_apart_however_it_comes(deltas: list[dict[str, Any]]) -> None:
    pieces = told(*map(data, deltas), data(finish="stop"))

    assert (text(pieces, thinking=True), text(pieces)) == ("Let me see.", "Red")


def test_a_refusal_in_words_is_an_answer() -> None:
    assert text(told(data({"refusal": "I will not."}), data(finish="stop"))) == "I will not."


def test_a_limit_that_is_not_kept_is_kept_here() -> None:
    transcript = Transcript(limit=2)
    pieces = told(*(data({"content": word}) for word in "abcdef"), transcript=transcript)

    assert pieces == [Piece("a"), Piece("b"), Piece("", 0, cut=True)]
    assert transcript.done


def test_a_stop_that_is_not_kept_is_kept_here() -> None:
    transcript = Transcript(stop=["END"])
    pieces = told(
        data({"content": "one E"}), data({"content": "ND two"}), data({"content": "x"}), transcript=transcript
    )

    assert text(pieces) == "one "
    assert transcript.done


def test_what_was_held_back_is_said_at_the_end() -> None:
    assert text(told(data({"content": "one E"}), data(finish="stop"), transcript=Transcript(stop=["END"]))) == "one E"


def test_a_character_that_was_cut_in_two_is_joined() -> None:
    events = [b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}', b'{"choices":[{"delta":{"content":"\\ude42b"}}]}']
    pieces = told(*events, b'{"choices":[{"delta":{"content":"\\ud83d"},"finish_reason":"stop"}]}')

    assert text(pieces) == "a🙂b\ufffd"


@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        (b'{"error": {"message": "CUDA out of memory at gpu-box-7", "code": 500}}', UpstreamError, "failed (500)"),
        (b'{"error": "boom"}', UpstreamError, "failed (500)"),
        (b'{"error": {"message": "slow down", "code": 429}}', UpstreamError, "too much to do"),
        (data(finish="content_filter"), UpstreamRefusedError, "filter"),
        (data(finish="error"), UpstreamError, "mid-answer"),
    ],
)
def test_a_failure_in_mid_answer_is_one_and_told_in_our_words(
    event: bytes, kind: type[UpstreamError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        told(data({"content": "Hi"}), event)

    assert words in caught.value.message
    assert "gpu-box" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 99}},
        {"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 10},
        {"prompt_tokens": -5, "completion_tokens": "many", "completion_tokens_details": []},
        {"prompt_tokens": 10**30},
    ],
)
def test_usage_that_does_not_add_up_is_made_to(usage: dict[str, Any]) -> None:
    report = told(data(finish="stop", usage=usage))[-1].report

    assert report is not None
    assert 0 <= report.cached_tokens <= report.input_tokens < 1 << 41
    assert 0 <= report.reasoning_tokens <= report.output_tokens


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "message", "content", "reasoning", "finish_reason", "usage", "error", "code"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.lists(st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(), st.just(b"[DONE]"))))
def test_nothing_that_is_sent_does_harm(events: list[bytes]) -> None:
    try:
        pieces = told(*events, transcript=Transcript(limit=5, stop=["x"]))
    except UpstreamError:
        return
    assert sum(piece.tokens for piece in pieces) <= 5
    assert all(piece.text or piece is pieces[-1] for piece in pieces)
    "".join(piece.text for piece in pieces).encode()  # no half characters


@given(st.text(), st.lists(st.integers(0, 40)))
def test_it_does_not_matter_how_a_text_is_cut(words: str, cuts: list[int]) -> None:
    words = "." + words
    places = [0, *sorted(min(cut, len(words)) for cut in cuts), len(words)]
    events = [data({"content": words[a:b]}) for a, b in pairwise(places)]

    assert text(told(*events, data(finish="stop"))) == words
