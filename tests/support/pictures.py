"""Pictures for tests that need bytes with the right beginning and end, and no picture library."""

__all__ = ["small_jpeg"]

# SOI, JFIF header, a comment, EOI: what a look at the two ends of a file takes for a JPEG.
_HEAD = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")


def small_jpeg(comment: bytes = b"a small picture") -> bytes:
    """A few bytes that begin and end as a JPEG does; different comments make different files."""
    return _HEAD + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + b"\xff\xd9"
