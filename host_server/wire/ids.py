"""Names of answers, items and pictures on the wire; a picture's name is its content."""

import re
import secrets

__all__ = [
    "capture_file_id",
    "is_sha256",
    "new_item_id",
    "new_response_id",
    "new_session_id",
    "sha256_of_file_id",
]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FILE_PREFIX = "cap_"


def new_response_id() -> str:
    """A new name for an answer; 128 random bits, so it cannot be guessed."""
    return f"resp_{secrets.token_hex(16)}"


def new_item_id() -> str:
    """A new name for an output item."""
    return f"msg_{secrets.token_hex(16)}"


def new_session_id() -> str:
    """A new name for one WebSocket connection."""
    return f"sess_{secrets.token_hex(8)}"


def is_sha256(text: str) -> bool:
    """Whether `text` is a sha256 in lower-case hex."""
    return _SHA256.fullmatch(text) is not None


def capture_file_id(sha256: str) -> str:
    """The `file_id` under which `input_image` names an uploaded picture."""
    return _FILE_PREFIX + sha256


def sha256_of_file_id(file_id: str) -> str | None:
    """The picture a `file_id` names, or None when it is no name of ours."""
    sha256 = file_id.removeprefix(_FILE_PREFIX)
    return sha256 if sha256 != file_id and is_sha256(sha256) else None
