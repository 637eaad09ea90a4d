"""How many passes a JPEG's decoder makes over the picture.

With one scan the decoder works line by line and shrinks as it reads. With several (progressive, or one scan for each
colour) it keeps all coefficients of the whole picture in memory, up to 6 bytes a pixel, whatever size is asked for.
"""

import re
from typing import Final

__all__ = ["count_scans"]

_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_ONE_PASS: Final = frozenset({0xC0, 0xC1})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Inside packed data FF is followed by 00 (a plain FF), a restart marker, or another FF that fills up.
_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


def count_scans(data: bytes, most: int) -> int:
    """Count the scans up to the end of the picture, at most `most`; a one-scan picture is not walked through.

    Any frame type other than sequential Huffman counts as two at least: its decoder keeps the whole picture.
    """
    components, several = 0, False
    scans, position = 0, 2
    while scans < most and (found := _MARKER.search(data, position)):
        marker, start = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            break
        length = int.from_bytes(data[start : start + 2], "big")
        if marker in _FRAMES:
            several = several or marker not in _ONE_PASS
            components = max(components, int.from_bytes(data[start + 7 : start + 8], "big"))
        if marker == _START_OF_SCAN:
            scans += 1
            several = several or int.from_bytes(data[start + 2 : start + 3], "big") < components
            if not several:
                return 1
        position = start + max(length, 2)
    return max(scans, 2) if several else max(scans, 1)
