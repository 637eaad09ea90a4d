"""The page in a real browser, against a front that says what the test tells it to."""

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.phone_page import answer_is, ask, opened, photo_is_shown, sees
from tests.support.toy_front import ToyFront

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HOSTILE = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"


@pytest_asyncio.fixture(loop_scope="session")
async def front() -> AsyncGenerator[ToyFront]:
    async with ToyFront().running() as running:
        yield running


@asynccontextmanager
async def linked(screen: "Page", front: ToyFront) -> AsyncGenerator["Page"]:
    """The page, linked; it has said hello."""
    async with opened(screen, front.link()) as page:
        await front.heard("bridge:hello")
        yield page


class TestLink:
    async def test_the_code_leaves_the_address_and_the_page_waits_for_a_picture(
        self, screen: "Page", front: ToyFront
    ) -> None:
        async with linked(screen, front) as page:
            await sees(page, "Take a photo")
            await sees(page, "The camera folder is watched")
            assert page.url == front.url
            assert await page.text_content("#phone") == "Pixel 7"

    async def test_a_code_works_once(self, screen: "Page", front: ToyFront) -> None:
        url = front.link()
        async with opened(screen, url) as first:
            await front.heard("bridge:hello")
            async with await first.context.new_page() as second, opened(second, url):
                await sees(second, "This link has expired")
                await sees(second, "bridge connect")
        assert len(front.tokens) == 1

    async def test_without_a_code_the_page_says_how_to_get_one(self, screen: "Page", front: ToyFront) -> None:
        async with opened(screen, front.url) as page:
            await sees(page, "Not linked to a laptop yet")

    async def test_a_refused_token_keeps_what_is_shown_and_a_fresh_code_links_again(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("What is it?", front.capture(picture(1)))
            answer.start()
            answer.write("A blue card")
            await answer_is(page, "A blue card")
            front.tokens.clear()
            front.cut()
            await sees(page, "This link has expired", "#notice")
            await answer_is(page, "A blue card")
            answer.write(", quite plain.")
            await page.evaluate("url => { location.href = url }", front.link())  # as the bridge opens it: hashchange
            await answer_is(page, "A blue card, quite plain.")
            assert page.url == front.url

    async def test_a_reload_needs_no_code(self, screen: "Page", front: ToyFront) -> None:
        async with linked(screen, front) as page:
            await page.reload()
            await front.heard("bridge:hello")
            await sees(page, "Take a photo")


class TestAnswers:
    async def test_a_photo_appears_by_itself_and_its_answer_grows(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            capture = front.capture(picture(1))
            await photo_is_shown(page)
            answer = front.question("What is it?", capture)
            answer.queue(3)
            await sees(page, "Waiting in line: place 3")
            answer.start()
            await sees(page, "Reading the picture…")
            answer.write("A blue ")
            await answer_is(page, "A blue ")
            await sees(page, "Writing…")
            assert await page.text_content("#announce") == ""
            answer.write("card.")
            answer.finish()
            await answer_is(page, "A blue card.")
            await sees(page, "ocr · first word after 0.42 s")
            assert await page.text_content("#announce") == "Answer: A blue card."

    async def test_a_second_question_goes_on_from_the_first_and_sends_no_picture(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            data = picture(1)
            capture = front.capture(data)
            answer = front.question("What is it?", capture)
            answer.start()
            answer.write("A card.")
            answer.finish()
            await answer_is(page, "A card.")
            fetched: list[str] = []
            page.on("request", lambda request: fetched.append(request.url) if request.url.startswith("http") else None)
            await ask(page, "Which colour?")
            await sees(page, "Which colour?")
            asked = await front.asked()
            assert asked["previous_response_id"] == answer.id
            assert asked["input"][0]["content"] == [
                {"type": "input_image", "file_id": f"cap_{hashlib.sha256(data).hexdigest()}"},
                {"type": "input_text", "text": "Which colour?"},
            ]
            second = front.question("Which colour?", capture, asked_by="page", event_id=asked["event_id"])
            second.start()
            second.write("Blue.")
            second.finish()
            await answer_is(page, "Blue.")
            await answer_is(page, "A card.", 0)
            assert fetched == []
            assert front.uploads == 0

    async def test_stop_stops_the_answer_and_it_can_be_asked_again(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("What is it?", front.capture(picture(1)))
            answer.start()
            answer.write("A long")
            await answer_is(page, "A long")
            await page.click("#go")
            assert (await front.heard("response.cancel"))["response_id"] == answer.id
            answer.finish(how="stopped")
            await sees(page, "Stopped · ocr")
            await page.click(".again")
            assert "previous_response_id" not in await front.asked()

    @pytest.mark.parametrize(
        ("how", "reason", "words"),
        [
            ("cut", "", "Cut off at the length limit"),
            ("failed", "engine_restarted", "The model was restarted in mid-answer."),
            ("failed", "storage_full", "Something went wrong: No room."),
        ],
    )
    async def test_an_answer_that_ends_badly_says_why_and_keeps_its_words(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes], how: str, reason: str, words: str
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("What is it?", front.capture(picture(1)))
            answer.start()
            answer.write("Half")
            answer.finish(how=how, reason=reason, message="No room.")
            await sees(page, words)
            await answer_is(page, "Half")

    async def test_hostile_text_stays_text(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question(HOSTILE, front.capture(picture(1), name=HOSTILE), model=HOSTILE)
            front.tell({"type": "bridge:device", "serial": HOSTILE, "state": "device", "hint": HOSTILE})
            answer.start()
            answer.write(HOSTILE)
            answer.finish(how="failed", reason="storage_full", message=HOSTILE)
            await answer_is(page, HOSTILE)
            assert await page.text_content("#notice-title") == HOSTILE
            assert await page.locator("#thread img, #thread script, #notice img").count() == 0
            assert await page.evaluate("window.pwned") is None

    async def test_what_the_person_writes_is_not_pushed_away_by_a_new_photo(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            first = front.question("What is it?", front.capture(picture(1)))
            first.start()
            first.write("One.")
            first.finish()
            await answer_is(page, "One.")
            await page.fill("#text", "And th")
            second = front.question("What is it?", front.capture(picture(2)))
            second.start()
            second.write("Two.")
            second.finish()
            await page.click("#fresh")
            await answer_is(page, "Two.")
            assert await page.input_value("#text") == "And th"
            await page.click("#strip li:last-child button")
            await answer_is(page, "One.")

    async def test_a_picture_can_be_chosen_on_the_page(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            data = picture(5)
            await page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": data})
            asked = await front.asked()
            assert asked["input"][0]["content"][0]["file_id"] == f"cap_{hashlib.sha256(data).hexdigest()}"
            assert asked["input"][0]["content"][1]["text"] == "Read it."
            assert front.uploads == 1
            await photo_is_shown(page)

    async def test_watching_can_be_paused(self, screen: "Page", front: ToyFront) -> None:
        async with linked(screen, front) as page:
            await page.click("#pause")
            assert (await front.heard("bridge:pause"))["paused"] is True
            front.tell({"type": "bridge:pause", "paused": True})
            await sees(page, "Watching is paused")


class TestPictures:
    async def test_each_picture_is_fetched_once(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            fetched: list[str] = []
            page.on("request", lambda request: fetched.append(request.url) if "/v1/" in request.url else None)
            for number in range(3):
                front.capture(picture(number))
            await page.locator("#strip li:nth-child(3) img[src]").wait_for()
            await photo_is_shown(page)
            assert len(fetched) == len(set(fetched)) == 3

    async def test_one_that_cannot_be_had_says_so_and_is_there_when_the_laptop_is_back(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            data = front.captures
            front.captures = {}
            capture = front.capture(picture(1))
            data[capture["sha256"]] = front.captures.pop(capture["sha256"])
            await sees(page, "This picture cannot be shown here")
            front.captures = data
            front.cut()
            await photo_is_shown(page)
            assert await page.locator("#photo .broken").is_hidden()

    async def test_one_that_the_browser_cannot_draw_says_so(self, screen: "Page", front: ToyFront) -> None:
        async with linked(screen, front) as page:
            front.capture(b"no picture at all")
            await sees(page, "This picture cannot be shown here")


class TestBesideTheWords:
    async def test_a_model_that_loads_and_thinks_says_so_and_its_thoughts_are_folded_away(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("How many?", front.capture(picture(1)))
            answer.queue(0, reason="loading")
            await sees(page, "The model is loading…")
            answer.start()
            answer.think("Two and two.")
            await page.locator(".thinking summary").wait_for()
            assert not await page.locator(".thinking p").is_visible()
            answer.write("4")
            answer.finish()
            await answer_is(page, "4")
            await page.locator(".thinking summary").click()
            await sees(page, "Two and two.", ".thinking p")

    async def test_an_answer_without_thoughts_has_no_note_of_them(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("How many?", front.capture(picture(1)))
            answer.start()
            answer.write("4")
            answer.finish()
            await answer_is(page, "4")
            assert not await page.locator(".thinking").is_visible()

    async def test_a_polite_word_in_the_place_of_an_answer_may_be_asked_again(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("How many?", front.capture(picture(1)))
            answer.start()
            answer.write("Please ask again in a moment.")
            answer.decline()
            await sees(page, "too much is asked at once")
            assert await page.locator(".again").is_visible()


class TestCuts:
    async def test_a_socket_cut_in_mid_answer_changes_nothing_in_the_text(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("Count.", front.capture(picture(1)))
            answer.start()
            words = [f"{number} " for number in range(12)]
            for place, word in enumerate(words):
                answer.write(word)
                if place % 4 == 2:
                    front.cut()
                    await front.heard("bridge:hello")
            answer.finish()
            await answer_is(page, "".join(words))
            assert await page.locator(".answer").count() == 1

    async def test_a_reload_in_mid_answer_changes_nothing_in_the_text(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("Count.", front.capture(picture(1)))
            answer.start()
            answer.write("one two ")
            await answer_is(page, "one two ")
            await page.reload()
            assert await page.text_content(".answer") == "one two "  # from its own memory, at once
            answer.write("three")
            answer.finish()
            await answer_is(page, "one two three")
            await photo_is_shown(page)

    async def test_a_laptop_that_goes_and_comes_back_is_said_and_made_good(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            answer = front.question("Count.", front.capture(picture(1)))
            answer.start()
            answer.write("one ")
            await answer_is(page, "one ")
            await front.stop()
            await sees(page, "Laptop not reachable — reconnecting…")
            answer.write("two")
            answer.finish()
            front.start()
            await page.evaluate("dispatchEvent(new Event('online'))")
            await answer_is(page, "one two")
            assert await page.is_hidden("#notice")

    async def test_a_page_that_is_opened_late_shows_what_was_asked_before(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        answer = front.question("What is it?", front.capture(picture(1)))
        answer.start()
        answer.write("A card.")
        answer.finish()
        async with linked(screen, front) as page:
            await answer_is(page, "A card.")
            await photo_is_shown(page)


class TestOnceLinked:
    async def test_a_ready_question_is_a_tap_and_brings_its_options(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        words = {"title": {"en": "Receipt", "zh": "小票"}, "text": {"en": "What is the total?", "zh": "合计？"}}
        system = {"en": "Read what is printed.", "zh": "照抄。"}
        async with linked(screen, front) as page:
            front.tell({"type": "bridge:prompts", "prompts": [{"name": "receipt", "system": system, **words}]})
            assert not await page.locator("#chips").is_visible()
            front.capture(picture(1))
            await page.get_by_role("button", name="Receipt").tap()
            asked = await front.asked()
            await sees(page, "What is the total?", "#thread")

        assert asked["input"][0]["content"][1]["text"] == "What is the total?"
        assert asked["instructions"] == "Read what is printed."

    async def test_held_pictures_are_counted_and_sent_by_a_tap(self, screen: "Page", front: ToyFront) -> None:
        async with linked(screen, front) as page:
            front.tell({"type": "bridge:held", "count": 3})
            await sees(page, "3 photos are held back.")
            await page.locator("#send-held").tap()
            await front.heard("bridge:send_held")
            front.tell({"type": "bridge:held", "count": 1})
            await sees(page, "1 photo is held back.")
            front.tell({"type": "bridge:held", "count": 0})
            await page.locator("#held").wait_for(state="hidden")

    async def test_a_picture_is_deleted_after_a_second_tap_only(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            front.question("What is it?", front.capture(picture(1))).start()
            await photo_is_shown(page)
            await page.locator("#delete").tap()
            await page.get_by_role("button", name="Keep").tap()
            assert front.captures
            await page.locator("#delete").tap()
            await page.locator("#confirm-delete").tap()
            await sees(page, "Take a photo")
            assert not front.captures
            assert await page.locator("#thread li").count() == 0

    async def test_a_picture_that_cannot_be_deleted_stays_and_the_reason_is_said(
        self, screen: "Page", front: ToyFront, picture: Callable[[int], bytes]
    ) -> None:
        async with linked(screen, front) as page:
            front.capture(picture(1))
            await photo_is_shown(page)
            front.captures.clear()
            await page.locator("#delete").tap()
            await page.locator("#confirm-delete").tap()
            await sees(page, "It could not be deleted: no", "#confirm")
            await page.get_by_role("button", name="Keep").tap()
            assert await page.locator("#photo").is_visible()
