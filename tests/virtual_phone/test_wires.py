"""The bytes of the sync and shell services, against what the protocol's headers say."""

import os
import struct
from itertools import starmap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_phone.services import shell_wire, sync_wire
from virtual_phone.services.shell_wire import Kind, ShellReader, ShellRequest


class TestSync:
    def test_an_entry_and_the_end_of_a_list_have_the_same_size(self, tmp_path: Path) -> None:
        found = tmp_path.stat()
        assert len(sync_wire.dent_v1(b"", found)) == len(sync_wire.end_of_list(b"LIST")) == 20
        assert len(sync_wire.dent_v2(b"", found)) == len(sync_wire.end_of_list(b"LIS2")) == 76

    def test_a_stat_says_what_the_file_says(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"12345")
        os.utime(tmp_path / "a", (1_700_000_000, 1_700_000_001))
        found = (tmp_path / "a").stat()
        assert struct.unpack("<4s3I", sync_wire.stat_v1(found)) == (b"STAT", found.st_mode, 5, 1_700_000_001)
        second = struct.unpack("<4sIQQ4IQqqq", sync_wire.stat_v2(b"LST2", found))
        assert second[:5] == (b"LST2", 0, found.st_dev, found.st_ino, found.st_mode)
        assert second[8:11] == (5, 1_700_000_000, 1_700_000_001)

    def test_nothing_there_is_all_zero_but_the_error(self) -> None:
        assert sync_wire.stat_v1(None) == b"STAT" + bytes(12)
        assert sync_wire.stat_v2(b"STA2", None, 2) == b"STA2" + struct.pack("<I", 2) + bytes(64)

    def test_a_size_over_four_gigabytes_is_cut_in_version_1_only(self) -> None:
        big = os.stat_result((0o100644, 1, 1, 1, 0, 0, (1 << 32) + 7, 0, 0, 0))
        assert struct.unpack("<4s3I", sync_wire.stat_v1(big))[2] == 7
        assert struct.unpack("<4sIQQ4IQqqq", sync_wire.stat_v2(b"STA2", big))[8] == (1 << 32) + 7

    @pytest.mark.parametrize(
        ("spec", "path", "mode"),
        [
            (b"/a,33188", b"/a", 0o100644),
            (b"/a,b,420", b"/a,b", 0o644),
            (b"/a", b"/a", 0o644),
            (b"/a,x", b"/a", 0o644),
        ],
    )
    def test_a_push_names_path_and_mode(self, spec: bytes, path: bytes, mode: int) -> None:
        assert sync_wire.parse_send_v1(spec) == (path, mode)

    def test_the_second_message_of_version_2_must_be_of_the_same_kind(self) -> None:
        assert sync_wire.parse_setup(b"SND2", struct.pack("<4sII", b"SND2", 0o644, sync_wire.DRY_RUN)) == (
            0o644,
            sync_wire.DRY_RUN,
        )
        assert sync_wire.parse_setup(b"RCV2", struct.pack("<4sI", b"RCV2", 1)) == (0, 1)
        with pytest.raises(ValueError, match="followed by"):
            sync_wire.parse_setup(b"RCV2", struct.pack("<4sI", b"SND2", 1))

    def test_small_messages(self) -> None:
        assert sync_wire.fail("no") == b"FAIL\x02\0\0\0no"
        assert sync_wire.data(b"abc") == b"DATA\x03\0\0\0abc"
        assert sync_wire.done() == b"DONE\0\0\0\0"
        assert sync_wire.Request.parse(b"QUIT\x01\0\0\0") == sync_wire.Request(b"QUIT", 1)


_pieces = st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=50)), max_size=8)


class TestShell:
    @given(_pieces, st.data())
    def test_packets_come_out_as_they_went_in_however_the_bytes_are_split(
        self, pieces: list[tuple[Kind, bytes]], data: st.DataObject
    ) -> None:
        stream = b"".join(starmap(shell_wire.encode, pieces))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
        reader, seen = ShellReader(), []
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            seen += list(reader.feed(stream[start:end]))
        assert seen == pieces

    def test_a_packet_without_end_is_refused(self) -> None:
        with pytest.raises(ValueError, match="shell packet"):
            list(ShellReader().feed(struct.pack("<BI", 0, 1 << 21)))

    @pytest.mark.parametrize(("status", "byte"), [(0, 0), (7, 7), (-9, 137), (256, 0)])
    def test_the_exit_packet_has_one_byte(self, status: int, byte: int) -> None:
        assert shell_wire.exit_packet(status) == bytes([3, 1, 0, 0, 0, byte])

    @pytest.mark.parametrize(
        ("text", "size"),
        [
            (b"24x80,0x0", (24, 80)),
            (b"50x132,1320x1000\0", (50, 132)),
            (b"1x1", (1, 1)),
            (b"x80,", None),
            (b"24,80", None),
            (b"99999x80,0x0", None),
            (b"", None),
            (b"-1x80,0x0", None),
        ],
    )
    def test_window_sizes(self, text: bytes, size: tuple[int, int] | None) -> None:
        assert shell_wire.parse_window_size(text) == size

    @pytest.mark.parametrize(
        ("options", "command", "request_"),
        [
            ([], "ls", ShellRequest("ls", v2=False, pty=False)),
            ([], "", ShellRequest("", v2=False, pty=True)),
            (["v2", "raw"], "", ShellRequest("", v2=True, pty=False)),
            (["v2", "TERM=a", "pty", "new"], "vi", ShellRequest("vi", v2=True, pty=True, environment={"TERM": "a"})),
        ],
    )
    def test_options_of_a_shell(self, options: list[str], command: str, request_: ShellRequest) -> None:
        assert ShellRequest.parse(options, command) == request_
