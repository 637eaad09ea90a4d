"""Options reach an engine's own process as they were given."""

from hypothesis import given
from hypothesis import strategies as st

from host_server.engines.options import EngineOptions

_WORDS = st.text(st.characters(), max_size=20)


@given(
    st.builds(
        EngineOptions,
        revision=st.none() | _WORDS,
        device=_WORDS,
        max_side=st.integers(1, 9000),
        max_batch=st.integers(1, 64),
        kv_bytes=st.none() | st.integers(0, 1 << 50),
        threads=st.none() | st.integers(1, 256),
        thinking=st.booleans(),
        trust_remote_code=st.booleans(),
        offline=st.booleans(),
        upstreams=st.lists(_WORDS, max_size=3).map(tuple),
        upstream_key_env=st.none() | _WORDS,
    )
)
def test_options_come_out_as_they_went_in(options: EngineOptions) -> None:
    told = options.to_json()

    assert told.isascii()
    assert "\0" not in told
    assert EngineOptions.from_json(told) == options
