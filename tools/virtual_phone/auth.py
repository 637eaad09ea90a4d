"""AUTH: does this signature belong to a key the phone has accepted?

Pure. adb signs the phone's 20-byte token as if it were a SHA-1 digest (PKCS#1 v1.5, RSA-2048). Checking that needs one
`pow()` and no cryptography package. The key travels as Android's own structure in base64, followed by a name.
"""

import base64
import binascii
import struct

__all__ = ["KEY_LIMIT", "TOKEN_SIZE", "key_of", "verify"]

TOKEN_SIZE = 20
KEY_LIMIT = 4096
_MODULUS_SIZE = 256
_KEY_SIZE = 4 + 4 + _MODULUS_SIZE + _MODULUS_SIZE + 4
_SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")
_PADDING = b"\x00\x01" + b"\xff" * (_MODULUS_SIZE - 3 - len(_SHA1_PREFIX) - TOKEN_SIZE) + b"\x00" + _SHA1_PREFIX


def key_of(offered: bytes) -> bytes | None:
    """The base64 part of an offered public key, None when it is no RSA-2048 key."""
    words = offered.rstrip(b"\x00").split()
    if len(offered) > KEY_LIMIT or not words or _numbers(words[0]) is None:
        return None
    return words[0]


def verify(key: bytes, token: bytes, signature: bytes) -> bool:
    """Whether `signature` over `token` was made with the private half of `key`."""
    numbers = _numbers(key)
    if numbers is None or len(token) != TOKEN_SIZE or len(signature) != _MODULUS_SIZE:
        return False
    modulus, exponent = numbers
    number = int.from_bytes(signature, "big")
    if number >= modulus:
        return False
    return pow(number, exponent, modulus).to_bytes(_MODULUS_SIZE, "big") == _PADDING + token


def _numbers(key: bytes) -> tuple[int, int] | None:
    """Modulus and exponent of a key in Android's structure."""
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        return None
    if len(raw) != _KEY_SIZE:
        return None
    modulus = int.from_bytes(raw[8 : 8 + _MODULUS_SIZE], "little")
    (exponent,) = struct.unpack_from("<I", raw, _KEY_SIZE - 4)
    # A small or even modulus would make pow() cheap to fool or fail; real keys are odd and full length.
    if modulus.bit_length() != _MODULUS_SIZE * 8 or modulus % 2 == 0 or exponent not in {3, 65537}:
        return None
    return modulus, exponent
