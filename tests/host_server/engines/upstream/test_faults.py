"""What a refusal means: told in our words, with a next step, and none of the server's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.base import PromptTooLongError
from host_server.engines.upstream.faults import judge, retry_after_s, said_in_stream, shown, spoken
from host_server.wire.errors import CODES

LONG = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens."


@pytest.mark.parametrize(
    ("status", "words", "message", "retryable", "elsewhere"),
    [
        (401, "", "refused the key", False, True),
        (403, "", "refused the key", False, True),
        (400, "API key not valid. Please pass a valid API key.", "refused the key", False, True),
        (402, "Insufficient Balance", "paid first", False, True),
        (429, "You exceeded your current quota: insufficient_quota", "paid first", False, True),
        (404, "The model `x` does not exist.", "no such model", False, True),
        (404, 'model "x" not found, try pulling it first', "no such model", False, True),
        (404, "No such model here; there is: echo.", "no such model", False, True),
        (400, "Server is pinned to 'a/b'; requested 'c'.", "no such model", False, True),
        (400, "Model Not Exist", "no such model", False, True),
        (404, "404 page not found", "at that address", False, True),
        (405, "", "at that address", False, True),
        (301, "", "another address", False, True),
        (413, "", "as large as this", False, False),
        (429, "slow down", "too much to do", True, True),
        (408, "", "failed (408)", True, True),
        (500, "", "failed (500)", True, True),
        (503, "Loading model", "failed (503)", True, True),
        (500, "image input is not supported - you may need to provide the mmproj", "takes no pictures", False, True),
        (400, "unknown variant `image_url`, expected `text`", "takes no pictures", False, True),
        (400, "llama3 is not a multimodal model", "takes no pictures", False, True),
        (400, LONG, "longer than", False, False),
        (422, "whatever else", "refused the question", False, False),
    ],
)
def test_the_kind_is_known(status: int, words: str, message: str, retryable: bool, elsewhere: bool) -> None:
    fault = judge(status, words)

    assert message in fault.error.message
    assert CODES[fault.error.code].retryable is retryable
    assert fault.elsewhere is elsewhere
    assert fault.error.hint or retryable


def test_too_long_a_question_has_its_own_name() -> None:
    assert isinstance(judge(400, LONG).error, PromptTooLongError)


@given(st.integers(100, 999), st.text())
def test_no_word_of_theirs_is_passed_on(status: int, words: str) -> None:
    secret = "sk-4711 at gpu-box-7"
    error = judge(status, f"{secret} {words}").error

    assert "4711" not in error.message + error.hint
    assert "gpu-box" not in error.message + error.hint


@given(st.binary(max_size=200) | st.just(b"[" * 50_000))
def test_any_body_has_bounded_words(body: bytes) -> None:
    assert len(spoken(body)) <= 2000


def test_fastapi_says_the_question_back_which_is_not_kept() -> None:
    body = b'{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs", "input": "what she asked"}, 1]}'

    assert "seed" in spoken(body)
    assert "what she asked" not in spoken(body)


def test_the_log_has_neither_key_nor_question_nor_picture() -> None:
    words = shown("sk-1 said: what is it? data:image/jpeg;base64,AAAA " + "x" * 999, ("sk-1", "what is it?", ""))

    assert "sk-1" not in words
    assert "what is it" not in words
    assert "AAAA" not in words
    assert len(words) <= 300


def test_of_a_long_question_not_even_its_beginning_is_shown() -> None:
    question = "Is the name on this passport Smith? " * 99
    assert shown(spoken(f"cannot parse «{question}»".encode()), (question,)) == "cannot parse «[…]"


def test_what_is_hidden_does_not_grow_on_what_hid_it() -> None:
    assert len(shown("[" * 2000, ("[", "…", "]") * 60)) <= 300


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7.5"}, 7.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "999999"}, 3600.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 50.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 0.0),
    ],
)
def test_when_to_come_again_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, now=10.0) == seconds


@pytest.mark.parametrize("error", [None, 7, [], {"code": True}, {"status": 200}, {"code": "x"}, {"message": {"a": 1}}])
def test_any_error_in_a_stream_is_one(error: object) -> None:
    assert said_in_stream(error).message == "The upstream failed (500)."
