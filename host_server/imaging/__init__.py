"""Pictures: what may come in, and what an engine gets to see.

```
bytes ─► sniff   magic bytes only, no Pillow: may this upload go on?
      ─► check   type by magic and by Pillow, bytes, pixels: from the header, nothing is decoded
      ─► prepare upright, first frame, RGB, shrunk, re-encoded: no EXIF, GPS, ICC or trailing bytes are left
```
Every picture is hostile until it has been through `prepare`. Refusals are `ImagingError` with one of four wire codes
and our own words: never a library's exception text. The functions are pure and use the CPU; callers run them in a
thread. Pillow is imported inside the functions that need it.
"""

from host_server.imaging.errors import ImagingCode, ImagingError
from host_server.imaging.inspect import PictureInfo, check
from host_server.imaging.prepare import DEFAULT_MAX_SIDE, prepare
from host_server.imaging.sniff import MAX_BYTES, SNIFF_BYTES, MediaType, sniff

__all__ = [
    "DEFAULT_MAX_SIDE",
    "MAX_BYTES",
    "SNIFF_BYTES",
    "ImagingCode",
    "ImagingError",
    "MediaType",
    "PictureInfo",
    "check",
    "prepare",
    "sniff",
]
