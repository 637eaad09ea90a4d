"""What people write as an upstream's URL, and where questions go then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.base import UnknownEngineError
from host_server.engines.upstream.address import Address, parse


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("https://open.bigmodel.cn/api/paas/v4", "https://open.bigmodel.cn/api/paas/v4"),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "https://generativelanguage.googleapis.com/v1beta/openai",
        ),
    ],
)
def test_a_base_is_made_of_what_people_have(url: str, base: str) -> None:
    assert parse(url).base == base


@pytest.mark.parametrize(
    ("url", "loopback", "readable"),
    [
        ("http://localhost:1", True, False),
        ("http://127.3.2.1", True, False),
        ("http://192.168.1.5:8000", False, True),
        ("http://10.0.0.1", False, True),
        ("http://[fd00::1]", False, True),
        ("http://vllm:8000", False, True),
        ("http://gpu.local", False, True),
        ("https://api.example.com", False, False),
    ],
)
def test_where_others_may_read_along_is_known(url: str, loopback: bool, readable: bool) -> None:
    address = parse(url)

    assert (address.loopback, address.readable) == (loopback, readable)


@pytest.mark.parametrize(
    "url", ["http://api.example.com/v1", "http://8.8.8.8", "http://0.0.0.0:8000", "http://[2001:4860::1]"]
)
def test_no_picture_goes_readable_over_the_internet(url: str) -> None:
    with pytest.raises(UnknownEngineError, match="readable over the internet"):
        parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://x",
        "http://",
        "http://u:secret@x/v1",
        "http://x?key=secret",
        "http://x:0",
        "http://x:65536",
        "http://[::1",
        "http://x/a b",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UnknownEngineError) as caught:
        parse(url)

    assert "secret" not in caught.value.message + caught.value.hint


def test_a_phones_port_is_the_laptops_business() -> None:
    with pytest.raises(UnknownEngineError) as caught:
        parse("adb:S1:8080")

    assert "bridge serve --upstream adb:SERIAL:PORT" in caught.value.hint


@given(st.text() | st.from_regex(r"https?://[a-z0-9.:\[\]@/?#-]{0,30}", fullmatch=True))
def test_anything_is_an_address_or_refused(url: str) -> None:
    try:
        address = parse(url)
    except UnknownEngineError:
        return
    assert isinstance(address, Address)
    assert not address.base.endswith("/")
    assert "/v" in address.base
