"""The same question with the same key is the same answer."""

import pytest

from host_server.core.idempotency import KeyReusedError, Keys


def test_a_key_finds_its_answer_for_the_same_body_only() -> None:
    keys = Keys()
    assert keys.find("a", "k", "body") is None
    keys.remember("a", "k", "body", "resp_1")

    assert keys.find("a", "k", "body") == "resp_1"
    with pytest.raises(KeyReusedError):
        keys.find("a", "k", "other body")


def test_keys_of_different_principals_are_different() -> None:
    keys = Keys()
    keys.remember("a", "k", "body", "resp_1")

    assert keys.find("b", "k", "other body") is None


def test_a_forgotten_answer_frees_its_key() -> None:
    keys = Keys()
    keys.remember("a", "k", "body", "resp_1")
    keys.forget("resp_1")
    keys.forget("resp_1")

    assert keys.find("a", "k", "other body") is None
