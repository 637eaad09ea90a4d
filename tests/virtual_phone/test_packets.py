"""Packets survive any split of the stream, and what is no packet is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_phone.packets import HEADER_SIZE, MAX_PAYLOAD, Packet, PacketReader, Verb, WireError, encode

_numbers = st.integers(0, 0xFFFFFFFF)
_packets = st.builds(Packet, st.sampled_from(Verb), _numbers, _numbers, st.binary(max_size=300))


@given(st.lists(_packets, max_size=6), st.data())
def test_packets_come_out_as_they_went_in_however_the_bytes_are_split(
    packets: list[Packet], data: st.DataObject
) -> None:
    stream = b"".join(encode(packet, checksum=data.draw(st.booleans())) for packet in packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader, seen = PacketReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        seen += list(reader.feed(stream[start:end]))
    assert seen == packets


@given(st.binary(max_size=200))
def test_any_bytes_give_packets_or_a_wire_error_and_nothing_else(noise: bytes) -> None:
    try:
        for packet in PacketReader().feed(noise):
            assert len(packet.payload) <= MAX_PAYLOAD
    except WireError:
        pass


def test_a_header_is_laid_out_as_adb_h_says() -> None:
    raw = encode(Packet(Verb.OPEN, 1, 2, b"ab\xff"), checksum=True)
    assert raw.hex(" ", -4) == "4f50454e 01000000 02000000 03000000 c2010000 b0afbab1 6162ff"
    assert encode(Packet(Verb.OPEN, 1, 2, b"ab"), checksum=False)[16:20] == bytes(4)


def test_a_wrong_magic_is_refused() -> None:
    raw = bytearray(encode(Packet(Verb.OKAY, 1, 2), checksum=False))
    raw[20] ^= 1
    with pytest.raises(WireError, match="magic"):
        list(PacketReader().feed(bytes(raw)))


def test_a_payload_over_the_limit_is_refused_before_it_is_read() -> None:
    raw = bytearray(encode(Packet(Verb.WRTE, 1, 2), checksum=False))
    raw[12:16] = (MAX_PAYLOAD + 1).to_bytes(4, "little")
    assert len(raw) == HEADER_SIZE
    with pytest.raises(WireError, match="payload of 1048577"):
        list(PacketReader().feed(bytes(raw)))
