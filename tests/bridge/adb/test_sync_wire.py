import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.faults import LinkError, RefusedError
from bridge.adb.sync_wire import (
    MAX_CHUNK,
    DataFrames,
    Listing,
    data_messages,
    parse_stat_v1,
    parse_stat_v2,
    path_bytes,
    request,
)
from bridge.adb.transport import DirEntry, FileStat
from bridge.errors import DeviceUnusable, UsageError


def message(kind: bytes, body: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack("<4sI", kind, len(body) if size is None else size) + body


def stat_v2(error: int = 0, mode: int = 0, size: int = 0, mtime: int = 0) -> bytes:
    return struct.pack("<I2Q4IQ3q", error, 1, 2, mode, 1, 0, 0, size, 5, mtime, 6)


def entry(name: bytes, *, v2: bool, mode: int = 0o100644, size: int = 3, mtime: int = 9, error: int = 0) -> bytes:
    if v2:
        return b"DNT2" + stat_v2(error, mode, size, mtime) + struct.pack("<I", len(name)) + name
    return struct.pack("<4s4I", b"DENT", mode, size, mtime, len(name)) + name


def done(*, v2: bool) -> bytes:
    return b"DONE" + bytes(72 if v2 else 16)


def read_file(stream: bytes, cuts: list[int], limit: int) -> bytes:
    """What the blocking reader does, with a buffer and the given reads."""
    frames, buffer, have, out = DataFrames(limit), memoryview(bytearray(len(stream) + 8)), 0, b""
    for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer[have : have + b - a] = stream[a:b]
        pieces, used = frames.parse(buffer, have + b - a)
        out += b"".join(pieces)
        tail = bytes(buffer[used : have + b - a])
        have = len(tail)
        buffer[:have] = tail
        if frames.done:
            break
    assert frames.total == len(out)
    return out


@given(st.lists(st.binary(max_size=200), max_size=8), st.data())
def test_a_file_is_the_same_however_its_bytes_are_cut(chunks: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(message(b"DATA", chunk) for chunk in chunks) + message(b"DONE")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    assert read_file(stream, cuts, limit=2_000) == b"".join(chunks)


@given(st.binary(max_size=300), st.integers(0, 100))
def test_garbage_in_place_of_a_file_never_gives_more_than_the_limit(stream: bytes, limit: int) -> None:
    with suppress(LinkError, RefusedError):
        assert len(read_file(stream, [], limit)) <= limit


@given(st.text(max_size=100), st.lists(st.integers(0, 100), max_size=5))
def test_the_phones_words_come_through_a_fail_however_it_is_cut(words: str, cuts: list[int]) -> None:
    stream = message(b"DATA", b"x") + message(b"FAIL", words.encode())
    with pytest.raises(RefusedError) as caught:
        read_file(stream, sorted(min(cut, len(stream)) for cut in cuts), limit=10)
    assert caught.value.text == words


@pytest.mark.parametrize(
    "head", [message(b"DATA", size=MAX_CHUNK + 1), message(b"FAIL", size=1 << 20), message(b"OKAY")]
)
def test_a_message_no_honest_phone_sends_breaks_the_transfer(head: bytes) -> None:
    with pytest.raises(LinkError):
        read_file(head, [], limit=1 << 30)


def test_a_file_that_is_longer_than_its_stat_is_refused_at_the_first_byte_too_many() -> None:
    with pytest.raises(LinkError, match="grew"):
        read_file(message(b"DATA", b"123456"), [], limit=5)


NAMES = st.binary(min_size=1, max_size=30)


@given(st.booleans(), st.lists(NAMES, max_size=6), st.data())
def test_a_listing_is_the_same_however_its_bytes_are_cut(v2: bool, names: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(entry(name, v2=v2) for name in names) + done(v2=v2)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    listing = Listing(v2=v2, limit=100)
    for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        listing.feed(stream[a:b])
    assert listing.done
    good = [n for n in names if n not in {b".", b".."} and b"/" not in n and b"\0" not in n]
    assert listing.entries == [DirEntry(name, FileStat(0o100644, 3, 9)) for name in good]


@given(st.booleans(), st.lists(st.binary(max_size=100), max_size=5))
def test_garbage_in_place_of_a_listing_is_refused_or_gives_safe_names(v2: bool, pieces: list[bytes]) -> None:
    listing = Listing(v2=v2, limit=10)
    try:
        for piece in pieces:
            listing.feed(piece)
    except (LinkError, DeviceUnusable):
        return
    assert all(b"/" not in found.name for found in listing.entries)


@pytest.mark.parametrize("name", [b"../../escaped", b"/etc/passwd", b".", b"..", b"a\0b"])
@pytest.mark.parametrize("v2", [False, True])
def test_names_no_folder_can_hold_are_left_out(name: bytes, v2: bool) -> None:
    listing = Listing(v2=v2, limit=10)
    listing.feed(entry(name, v2=v2) + entry(b"ok", v2=v2) + done(v2=v2))
    assert [found.name for found in listing.entries] == [b"ok"]


def test_an_entry_that_could_not_be_looked_at_is_left_out() -> None:
    listing = Listing(v2=True, limit=10)
    listing.feed(entry(b"x", v2=True, error=13) + done(v2=True))
    assert listing.done
    assert not listing.entries


@pytest.mark.parametrize("v2", [False, True])
def test_an_endless_folder_is_refused(v2: bool) -> None:
    listing = Listing(v2=v2, limit=3)
    with pytest.raises(DeviceUnusable, match="more than 3"):
        listing.feed(entry(b"x", v2=v2) * 4)


def test_a_name_longer_than_any_path_breaks_the_listing() -> None:
    with pytest.raises(LinkError):
        Listing(v2=False, limit=3).feed(struct.pack("<4s4I", b"DENT", 1, 1, 1, 1 << 30))


def test_stat_of_both_versions() -> None:
    assert parse_stat_v1(struct.pack("<4s3I", b"STAT", 0o100644, 7, 8)) == FileStat(0o100644, 7, 8)
    assert parse_stat_v1(struct.pack("<4s3I", b"STAT", 0, 0, 0)) is None
    assert parse_stat_v2(b"LST2" + stat_v2(0, 0o100600, 1 << 40, 8)) == FileStat(0o100600, 1 << 40, 8)
    assert parse_stat_v2(b"LST2" + stat_v2(error=2)) is None
    assert parse_stat_v2(b"LST2" + stat_v2(error=20)) is None
    with pytest.raises(RefusedError, match="Permission denied"):
        parse_stat_v2(b"LST2" + stat_v2(error=13))


def test_an_answer_of_another_kind_breaks_the_link() -> None:
    with pytest.raises(LinkError):
        parse_stat_v1(struct.pack("<4s3I", b"FAIL", 1, 2, 3))
    with pytest.raises(LinkError):
        parse_stat_v2(b"STAT" + stat_v2())


@given(st.binary(max_size=3 * MAX_CHUNK))
def test_data_messages_are_read_back_as_they_were(data: bytes) -> None:
    stream = data_messages(memoryview(data)) + message(b"DONE")
    assert read_file(stream, [], limit=len(data)) == data


@pytest.mark.parametrize("path", ["", "a\0b", b"\0", "x" * 1025, "é" * 513])
def test_a_path_no_phone_takes_is_refused(path: str | bytes) -> None:
    with pytest.raises(UsageError):
        path_bytes(path)


def test_a_request_names_its_path() -> None:
    assert request(b"RECV", path_bytes("/a\udcff")) == b"RECV\3\0\0\0/a\xff"
