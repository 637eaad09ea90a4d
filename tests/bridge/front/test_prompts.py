"""`PUT /prompts`: the laptop's own commands bring named questions to the pages."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.prompts_push import tell_page
from bridge.front import Front
from bridge.prompts import PromptBook
from bridge.supervise.lease import Lease
from tests.support.bridge import Page, receive

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD: dict[str, Any] = {
    "version": 1,
    "prompts": {"menu": {"title": {"en": "Menu", "zh": "菜单"}, "text": "What is it?"}},
}


async def _put(page: Page, body: bytes, *, token: str | None = None) -> tuple[int, dict[str, Any]]:
    answer = await page.http(
        "PUT", "/prompts", content=body, token=page.front.control_token if token is None else token
    )
    return answer.status_code, answer.json()


async def test_a_page_that_is_there_and_one_that_comes_later_show_them(page: Page) -> None:
    async with page.socket() as socket:
        await receive(socket, "bridge:session.ready")

        assert await _put(page, json.dumps(GOOD).encode()) == (200, {"prompts": 1, "pages": 1})
        told = (await receive(socket, "bridge:prompts"))[-1]

    assert told["prompts"] == [
        {
            "name": "menu",
            "title": {"en": "Menu", "zh": "菜单"},
            "text": {"en": "What is it?", "zh": "What is it?"},
            "system": None,
            "options": {},
        }
    ]
    async with page.socket() as later:
        assert (await receive(later, "bridge:prompts"))[-1]["prompts"] == told["prompts"]


async def test_whoever_pushes_hears_whether_a_page_shows_them(page: Page, tmp_path: Path) -> None:
    book = PromptBook.decoded(json.dumps(GOOD).encode(), origin="test")
    with Lease(tmp_path, "R58M", "connect") as lease:
        lease.announce(page.front.url, page.front.control_token)
        assert not await asyncio.to_thread(tell_page, book, tmp_path, "R58M")
        async with page.socket() as socket:
            await receive(socket, "bridge:session.ready")
            assert await asyncio.to_thread(tell_page, book, tmp_path, "R58M")


async def test_only_the_laptop_may_bring_them(page: Page, front: Front) -> None:
    for token in (page.token, "", "wrong"):
        status, body = await _put(page, json.dumps(GOOD).encode(), token=token)
        assert (status, body["error"]["code"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_request"),
        (b"[" * 50_000, "invalid_request"),
        (b'{"prompts": {}}', "invalid_request"),
        (b'{"prompts": {"A B": {"title": "t", "text": "t"}}}', "invalid_request"),
        (b'{"prompts": {"a": {"title": "t", "text": "t", "schema": {"$ref": "http://x"}}}}', "invalid_request"),
        (b" " * 200_000, "body_too_large"),
    ],
)
async def test_what_is_no_list_of_prompts_is_refused(page: Page, body: bytes, code: str) -> None:
    status, answer = await _put(page, body)

    assert answer["error"]["code"] == code
    assert status in {400, 413}
