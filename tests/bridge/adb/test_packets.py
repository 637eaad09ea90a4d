import struct
from itertools import starmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adb.faults import LinkError
from bridge.adb.packets import CLOSE_STDIN, Exited, ShellParser, StderrPiece, StdoutPiece, stdin_packet


def packet(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


def outputs(events: list[StdoutPiece | StderrPiece | Exited]) -> tuple[bytes, bytes, list[int]]:
    out = b"".join(event.data for event in events if isinstance(event, StdoutPiece))
    err = b"".join(event.data for event in events if isinstance(event, StderrPiece))
    return out, err, [event.code for event in events if isinstance(event, Exited)]


PACKETS = st.lists(st.tuples(st.sampled_from([1, 2, 0, 4, 5, 77]), st.binary(max_size=50)), max_size=10)


@given(PACKETS, st.integers(0, 255), st.data())
def test_output_is_the_same_however_the_bytes_are_cut(
    packets: list[tuple[int, bytes]], code: int, data: st.DataObject
) -> None:
    stream = b"".join(starmap(packet, packets)) + packet(3, bytes([code]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parser = ShellParser()
    events = [e for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) for e in parser.feed(stream[a:b])]
    wanted_out = b"".join(body for kind, body in packets if kind == 1)
    wanted_err = b"".join(body for kind, body in packets if kind == 2)
    assert outputs(events) == (wanted_out, wanted_err, [code])


@given(st.lists(st.binary(max_size=60)))
def test_garbage_gives_events_or_a_link_error_and_nothing_is_hoarded(pieces: list[bytes]) -> None:
    parser = ShellParser()
    try:
        passed_on = sum(len(e.data) for p in pieces for e in parser.feed(p) if not isinstance(e, Exited))
    except LinkError:
        return
    assert passed_on <= sum(map(len, pieces))


def test_a_packet_that_claims_four_gigabytes_is_passed_on_as_it_comes() -> None:
    assert ShellParser().feed(struct.pack("<BI", 1, 0xFFFFFFFF) + b"abc") == [StdoutPiece(b"abc")]


@pytest.mark.parametrize("size", [0, 2, 1 << 31])
def test_an_exit_packet_has_one_byte(size: int) -> None:
    with pytest.raises(LinkError):
        ShellParser().feed(struct.pack("<BI", 3, size) + b"\0")


def test_packets_for_the_phone() -> None:
    assert stdin_packet(b"ls\n") == b"\0\3\0\0\0ls\n"
    assert CLOSE_STDIN == b"\4\0\0\0\0"
