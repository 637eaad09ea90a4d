"""Signatures are checked with nothing but pow()."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rsa_key import public_key, sign
from virtual_phone.auth import KEY_LIMIT, key_of, verify

TOKEN = bytes(range(20))
SIGNATURE = sign(TOKEN)


def test_a_signature_of_the_key_is_recognized() -> None:
    key = key_of(public_key())
    assert key is not None
    assert verify(key, TOKEN, SIGNATURE)


def test_a_signature_of_another_token_is_not() -> None:
    key = key_of(public_key())
    assert key is not None
    assert not verify(key, TOKEN, sign(bytes(20)))


@given(st.integers(0, 255), st.integers(1, 255))
def test_one_changed_byte_spoils_a_signature(at: int, change: int) -> None:
    key = key_of(public_key())
    spoiled = bytearray(SIGNATURE)
    spoiled[at] ^= change
    assert key is not None
    assert not verify(key, TOKEN, bytes(spoiled))


@pytest.mark.parametrize("signature", [b"", SIGNATURE[1:], SIGNATURE + b"\x00", b"\xff" * 256])
def test_a_signature_of_the_wrong_size_is_none(signature: bytes) -> None:
    key = key_of(public_key())
    assert key is not None
    assert not verify(key, TOKEN, signature)


def test_a_token_of_the_wrong_size_is_never_verified() -> None:
    key = key_of(public_key())
    assert key is not None
    assert not verify(key, TOKEN[:19], sign(TOKEN[:19] + b"\x00"))


@pytest.mark.parametrize(
    "offered",
    [
        b"",
        b"\x00",
        b"not base64! me@laptop\x00",
        base64.b64encode(bytes(524)) + b" zero modulus",
        base64.b64encode(bytes(523)) + b" too short",
        public_key(exponent=1),
        public_key(modulus=(1 << 2047) | 2),
        public_key() + b"x" * KEY_LIMIT,
    ],
    ids=["empty", "nul", "text", "zero", "short", "exponent 1", "even", "long"],
)
def test_what_is_no_rsa_2048_key_is_not_taken_for_one(offered: bytes) -> None:
    assert key_of(offered) is None


def test_a_key_that_is_none_verifies_nothing() -> None:
    assert not verify(b"nonsense", TOKEN, SIGNATURE)
