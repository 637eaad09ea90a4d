"""Pictures: what may come in, and what an engine gets to see.

```
bytes ─► sniff   magic bytes only, no Pillow: may this upload go on?
      ─► clean   type by magic and by Pillow, bytes, pixels: from the header, nothing is decoded; and all metadata off
      ─► prepare upright, first frame, RGB, shrunk, re-encoded: no EXIF, GPS, ICC or trailing bytes are left
```
Every picture is hostile until it has been through `prepare`; what is kept has been through `clean`. Refusals are
`ImagingError` with one of four wire codes and our own words: never a library's exception text. The functions are pure
and use the CPU; callers run them in a thread. Pillow is imported inside the functions that need it.
"""

from host_server.imaging.errors import ImagingCode, ImagingError
from host_server.imaging.inspect import Checked, PictureInfo, check, clean
from host_server.imaging.prepare import DEFAULT_MAX_SIDE, prepare, prepare_checked
from host_server.imaging.sniff import MAX_BYTES, SNIFF_BYTES, MediaType, sniff

__all__ = [
    "DEFAULT_MAX_SIDE",
    "MAX_BYTES",
    "SNIFF_BYTES",
    "Checked",
    "ImagingCode",
    "ImagingError",
    "MediaType",
    "PictureInfo",
    "check",
    "clean",
    "prepare",
    "prepare_checked",
    "sniff",
]
