"""Events out of bytes, however they are cut, and never more than is allowed."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.base import UpstreamError
from host_server.engines.upstream.events import Events, Whole

STREAM = b": hello\r\n\r\ndata: one\n\nevent: x\ndata:two\ndata: three\nid: 4\n\n\n\nretry: 1\n\ndata: last"
FOUND = [b"one", b"two\nthree", b"last"]


def read(events: Events | Whole, parts: list[bytes]) -> list[bytes]:
    return [data for part in parts for data in events.feed(part)] + events.end()


@given(st.lists(st.integers(0, len(STREAM))))
def test_it_does_not_matter_where_the_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    parts = [STREAM[a:b] for a, b in pairwise(places)]

    assert read(Events(), parts) == FOUND


@given(st.lists(st.binary(max_size=80)))
def test_no_bytes_break_it(parts: list[bytes]) -> None:
    assert sum(map(len, read(Events(), parts))) <= sum(map(len, parts))


@pytest.mark.parametrize(
    "parts",
    [
        [b"data: " + b"x" * 101],
        [b"x" * 60, b"x" * 60],
        [b"data: " + b"x" * 40 + b"\n", b"data: " + b"x" * 40 + b"\n", b"data: " + b"x" * 40 + b"\n"],
    ],
)
def test_an_event_without_an_end_is_not_kept(parts: list[bytes]) -> None:
    with pytest.raises(UpstreamError):
        read(Events(event_bytes=100), parts)


def test_an_answer_without_an_end_is_not_read() -> None:
    events = Events(total_bytes=1000)
    for _ in range(200):
        events.feed(b": x\n\n")

    with pytest.raises(UpstreamError, match="has no end"):
        events.feed(b"\n")


def test_a_line_that_drips_costs_no_more_than_its_length() -> None:
    events, began = Events(), time.process_time()
    for _ in range(200_000):
        events.feed(b"x")

    assert time.process_time() - began < 2.0


def test_a_body_that_is_not_streamed_is_one_event_and_bounded_too() -> None:
    assert read(Whole(), [b'{"a":', b"\n\n1}"]) == [b'{"a":\n\n1}']
    with pytest.raises(UpstreamError):
        Whole(event_bytes=10).feed(b"x" * 11)
