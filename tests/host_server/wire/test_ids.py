"""Names on the wire."""

from hypothesis import given
from hypothesis import strategies as st

from host_server.wire.ids import (
    capture_file_id,
    is_sha256,
    new_item_id,
    new_response_id,
    new_session_id,
    sha256_of_file_id,
)


def test_a_pictures_file_id_names_its_content_and_back() -> None:
    assert sha256_of_file_id(capture_file_id("ab" * 32)) == "ab" * 32


@given(st.text(max_size=70))
def test_no_other_text_names_a_picture(text: str) -> None:
    sha256 = sha256_of_file_id(text)

    assert sha256 is None or (text == f"cap_{sha256}" and is_sha256(sha256))


def test_a_sha256_alone_is_no_file_id() -> None:
    assert sha256_of_file_id("ab" * 32) is None
    assert sha256_of_file_id("cap_" + "AB" * 32) is None


def test_names_differ_and_say_what_they_name() -> None:
    for make, prefix in (
        (new_response_id, "resp_"),
        (new_item_id, "msg_"),
        (new_session_id, "sess_"),
    ):
        assert make().startswith(prefix)
        assert make() != make()
