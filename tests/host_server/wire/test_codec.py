"""JSON out and in."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from host_server.wire.codec import MAX_VALUES, decode, encode
from host_server.wire.errors import WireError


def test_an_event_is_one_compact_line() -> None:
    assert encode({"delta": "订单\n号", "n": 1}) == '{"delta":"订单\\n号","n":1}'


def test_what_is_no_number_does_not_go_out() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"n": float("nan")})


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{",
        "NaN",
        '{"a": Infinity}',
        "[" * 100_000,
        b"\xff",
        "1" * 5000,
        r'"\ud800"',
        rb'{"\uDFFF": 1}',
        r'["\udc00\ud800"]',
        '"x"'.encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused(data: str | bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode(data)

    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize("value", ["[]", "{}", '"ab"', "1.5"])
def test_what_would_take_far_more_memory_than_it_is_long_is_refused_unread(value: str) -> None:
    few, many = (f"[{','.join([value] * count)}]" for count in (MAX_VALUES // 3, MAX_VALUES + 1))
    assert len(decode(few)) == MAX_VALUES // 3

    for data in (many, many.encode()):
        with pytest.raises(WireError) as caught:
            decode(data)
        assert caught.value.code == "body_too_large"


@pytest.mark.parametrize("data", [r'"\ud83d\ude00"', b'\xef\xbb\xbf"\xf0\x9f\x98\x80"', '"😀"'])
def test_a_whole_character_comes_in_however_it_is_written(data: str | bytes) -> None:
    assert decode(data) == "😀"


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=4))
def test_what_went_out_comes_in(event: dict[str, object]) -> None:
    assert decode(encode(event)) == event == json.loads(encode(event))


@given(st.text(), st.integers(min_value=0))
@example("\ud83d", 1)
def test_a_piece_of_text_goes_out_as_every_other_event_does(text: str, number: int) -> None:
    piece = {"type": "response.output_text.delta", "sequence_number": number, "delta": text, "logprobs": []}
    usual = encode(piece | {"type": "usual"})

    assert encode(piece) == usual.replace('"usual"', '"response.output_text.delta"', 1)
