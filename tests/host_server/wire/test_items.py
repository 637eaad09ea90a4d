"""What a question brought, told back page by page."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_server.wire.errors import WireError
from host_server.wire.items import input_items, weight
from host_server.wire.page import page
from host_server.wire.request import parse_create

Json = dict[str, Any]
SHA = "ab" * 32


def _items(value: Any, pictures: tuple[str, ...] = ()) -> tuple[Json, ...]:
    return input_items(parse_create({"input": value}), pictures, answer_id="resp_1")


def test_a_line_of_text_is_a_message_of_the_user() -> None:
    assert _items("hello") == (
        {
            "id": "msg_1_0",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": "hello"}],
        },
    )


def test_pictures_are_named_and_earlier_answers_are_answers() -> None:
    data = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"}
    file = {"type": "input_image", "file_id": "cap_x"}
    value = [
        {"role": "user", "content": [data, {"type": "input_text", "text": "a"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": [file]},
    ]
    contents = [item["content"] for item in _items(value, (SHA, "cd" * 32))]

    assert contents[0][0] == {"type": "input_image", "file_id": f"cap_{SHA}", "image_url": None, "detail": "high"}
    assert contents[1] == [{"type": "output_text", "text": "b", "annotations": []}]
    assert contents[2] == [{"type": "output_text", "text": "c", "annotations": []}]
    assert (contents[3][0]["file_id"], contents[3][0]["detail"]) == ("cap_" + "cd" * 32, "auto")


def test_what_a_question_leaves_behind_is_counted_in_bytes() -> None:
    parts = [{"type": "input_text", "text": "äb"}, {"type": "input_image", "file_id": "cap_x"}]
    create = parse_create(
        {
            "input": [{"role": "user", "content": parts}, {"role": "user", "content": "c"}],
            "instructions": "de",
            "metadata": {"f": "gh"},
        }
    )

    assert weight(create) == 3 + 1 + 2 + 3


@given(st.integers(0, 30), st.integers(1, 7), st.sampled_from(["asc", "desc"]))
def test_page_after_page_gives_every_item_once_in_order(count: int, limit: int, order: Any) -> None:
    items = [{"id": f"m{number}"} for number in range(count)]
    seen: list[Json] = []
    after = None
    while True:
        body = page(items, limit=limit, order=order, after=after)
        seen += body["data"]
        after = body["last_id"]
        assert body["first_id"] == (body["data"][0]["id"] if body["data"] else None)
        if not body["has_more"]:
            break

    assert seen == (items if order == "asc" else items[::-1])


def test_an_item_that_is_not_there_is_no_place_to_go_on_from() -> None:
    with pytest.raises(WireError) as caught:
        page([{"id": "a"}], limit=1, order="asc", after="b")

    assert (caught.value.code, caught.value.param) == ("invalid_request", "after")
