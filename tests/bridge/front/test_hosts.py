"""Which Host headers are this machine's own."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.front.gate import host_is_local


@given(st.text(max_size=40) | st.from_regex(r"(localhost|127\.[0-9.]+|\[[0-9a-f:.]*\])(:[0-9]*)?"))
def test_a_host_is_local_or_it_is_not(host: str) -> None:
    assert host_is_local(host) in {True, False}
    assert not host_is_local(host + ".evil.example")
