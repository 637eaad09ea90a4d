"""Frames come out as they went in, however they were cut; what is no frame is refused before it fills the memory."""

from itertools import starmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.process.frames import Frame, FrameError, FrameReader, encode

_TEXTS = st.text(st.characters(), max_size=20)
_MESSAGES = st.dictionaries(
    _TEXTS, st.one_of(_TEXTS, st.integers(), st.none(), st.lists(_TEXTS, max_size=3)), max_size=4
)


@given(st.lists(st.tuples(_MESSAGES, st.binary(max_size=40)), max_size=5), st.lists(st.integers(1, 30), min_size=1))
def test_frames_survive_any_cut(frames: list[tuple[dict[str, object], bytes]], cuts: list[int]) -> None:
    stream = b"".join(starmap(encode, frames))
    reader, got, start, turn = FrameReader(), list[Frame](), 0, 0
    while start < len(stream):
        got += reader.feed(stream[start : start + cuts[turn % len(cuts)]])
        start, turn = start + cuts[turn % len(cuts)], turn + 1

    assert got == list(starmap(Frame, frames))


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_waited_on(garbage: bytes) -> None:
    try:
        FrameReader(max_json=100, max_blob=10).feed(garbage)
    except FrameError:
        return


@pytest.mark.parametrize(("text", "blob"), [(101, 0), (0, 11), (2**32 - 1, 2**32 - 1)])
def test_a_frame_announced_too_large_is_refused_at_its_head(text: int, blob: int) -> None:
    reader = FrameReader(max_json=100, max_blob=10)

    with pytest.raises(FrameError):
        reader.feed(text.to_bytes(4, "big") + blob.to_bytes(4, "big"))


@pytest.mark.parametrize("text", [b"", b"[]", b"nul", b"\xff", b"[" * 90])
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(FrameError):
        FrameReader().feed(len(text).to_bytes(4, "big") + bytes(4) + text)


def test_what_no_reader_takes_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host_server.engines.process.frames.MAX_BLOB", 10)

    with pytest.raises(FrameError):
        encode({}, bytes(11))
