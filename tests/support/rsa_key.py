"""A host's RSA key, made for tests and worth nothing, and what adb does with it: sign a token, show the public half."""

import base64
import struct

__all__ = ["public_key", "sign"]

_MODULUS = int(
    "b59059134d66b33c8be6408dafc59c9307baff3d361d408458080532b906efcb5fe6693c6a7f6ee6c45c5d9aa6597d3a7e7e"
    "3f493b4c1b14fc52e7199558a78ab975c78dff98abf196fdcbee93e76ab3ee8b7b1841816227066fe7eeec0e9e0fdf1296e7"
    "769223873477fef15aadcf6e5feaa09204dd6b50bff2ae670240f8fa5e86e8277aaafa0ba50cbe58db000d20933f7eda5505"
    "d8fd56d0db04b1a52cadc335837c690f42ed38ad9f92e993624f2a88787fe5ebd1ac06279c94eb7a09356c9328ddf5a3740a"
    "6782a855252c022f156d161aac98542573e3b73b4fd52b0f1510975c00e976f710d8835d0ed6dd330ac48030c082af052659"
    "3d1e71ddf501",
    16,
)
_PRIVATE_EXPONENT = int(
    "55783d2664025b8fbdffc715abcfe7b42328792cd48392b27a4a54401b6fd3843681ddba4e1bed15ff0bc8189c04767a09bf"
    "de84d7c02ce38520759fca79306d927e8a512328389102d638a0f7c931a6c03db2d5a94881ef030dbcedf0fbb4969e193f26"
    "78dfb48fda383eb0595286da5b96b4bde8425f5964f295fcf1c7aa2c4cc8c78f93115993ee56b3cc0900d9b985d16aa6d596"
    "3dc366f7b689983a7b87d4b82fd27520bc92cdd4f26600eb91adb2e874709df4287fff8b53a02a0e49eab518275995ee1161"
    "499a75fa9cdc6f35eab5c64b9692a2dcef26499d86f0f1d9084050d35579e293d9cd96f47854a8cf72ea248512d9b38d074f"
    "d77cf751ed7d",
    16,
)
_EXPONENT = 65537
_SIZE = 256
_DIGEST_INFO = bytes.fromhex("3021300906052b0e03021a05000414")


def public_key(modulus: int = _MODULUS, exponent: int = _EXPONENT, name: str = "me@laptop") -> bytes:
    """The key as adb sends it: Android's structure in base64, a name, a NUL."""
    n0inv = (-pow(modulus | 1, -1, 1 << 32)) % (1 << 32)
    rr = (1 << (_SIZE * 16)) % modulus
    raw = struct.pack("<II", _SIZE // 4, n0inv) + modulus.to_bytes(_SIZE, "little") + rr.to_bytes(_SIZE, "little")
    return base64.b64encode(raw + struct.pack("<I", exponent)) + f" {name}\0".encode()


def sign(token: bytes) -> bytes:
    """The token signed as if it were a SHA-1 digest (PKCS#1 v1.5)."""
    tail = b"\x00" + _DIGEST_INFO + token
    padded = b"\x00\x01" + b"\xff" * (_SIZE - 2 - len(tail)) + tail
    return pow(int.from_bytes(padded, "big"), _PRIVATE_EXPONENT, _MODULUS).to_bytes(_SIZE, "big")
