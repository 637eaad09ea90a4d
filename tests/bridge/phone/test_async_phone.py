"""The Python face on the event loop: pictures in, typed answers out, everything bounded, nothing left behind."""

import asyncio
import io
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bridge import Answer, connect_async
from bridge.errors import (
    DeadlinePassed,
    DeviceUnusable,
    HostUnavailable,
    NoSuchDevice,
    QuestionRefused,
    TokenRefused,
    UsageError,
)
from bridge.phone.async_phone import AsyncPhone
from bridge.phone.pictures import Picture
from bridge.supervise.lease import Lease
from tests.support.adb_server import PrivateAdbServer
from tests.support.host import RunningHost
from tests.support.real_pictures import jpeg
from tests.support.until import until
from virtual_phone import VirtualPhone

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("here")]

LONG = "word " * 600


async def status_at_host(host: RunningHost, answer_id: str) -> str:
    async with httpx.AsyncClient(trust_env=False, headers=host.headers) as client:
        return str((await client.get(f"{host.url}/v1/responses/{answer_id}")).json()["status"])


async def test_a_photo_is_taken_and_asked_about(virtual_phone: VirtualPhone) -> None:
    async with connect_async(virtual_phone.address) as phone:
        photo = await phone.capture("camera")
        answer = await phone.ask(photo, "What is it?", max_output_tokens=50)

        assert phone.path_of(photo).read_bytes()[:2] == b"\xff\xd8"

    assert (phone.serial, phone.model) == (virtual_phone.address, "Virtual Phone")
    assert photo.source == "camera"
    assert str(answer) == answer.text == "What is it? [picture 640x480]"
    assert (answer.status, answer.question, answer.capture) == ("completed", "What is it?", photo)
    assert answer.model == "echo"
    assert answer.response_id.startswith("resp_")
    assert answer.timings_ms["first_token"] is not None
    assert (answer.degraded, answer.annotations) == ((), ())


async def test_the_screen_and_the_newest_photo_are_pictures_too(virtual_phone: VirtualPhone) -> None:
    name = (await virtual_phone.press_shutter()).rpartition("/")[2]
    async with connect_async() as phone:
        screen, newest = await phone.capture("screen"), await phone.capture("newest")

    assert (screen.source, screen.media_type) == ("screen", "image/png")
    assert newest.name == name


async def test_the_pieces_of_an_answer_come_as_they_are_written(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        stream = phone.stream(jpeg(), "one two three four five six seven eight")
        with pytest.raises(UsageError, match="not finished"):
            _ = stream.answer
        pieces = [piece async for piece in stream]

    assert len(pieces) > 2
    assert "".join(pieces) == stream.answer.text


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "image", "see-through image"])
async def test_a_picture_may_come_in_any_form(virtual_phone: VirtualPhone, tmp_path: Path, kind: str) -> None:
    (tmp_path / "x.jpg").write_bytes(jpeg(30, 20))
    pictures: dict[str, Picture] = {
        "path": tmp_path / "x.jpg",
        "text": str(tmp_path / "x.jpg"),
        "bytes": jpeg(30, 20),
        "image": Image.open(io.BytesIO(jpeg(30, 20))),
        "see-through image": Image.new("RGBA", (30, 20)),
    }
    async with connect_async() as phone:
        answer = await phone.ask(pictures[kind], "What?")

    assert answer.text == "What? [picture 30x20]"
    assert answer.capture.source == "file"


async def test_questions_run_side_by_side_and_the_same_one_is_asked_anew(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        photo = await phone.capture("camera")
        answers = await asyncio.gather(*(phone.ask(photo, "What?") for _ in range(4)))

    assert len({answer.response_id for answer in answers}) == 4


async def test_left_out_the_question_is_the_prompt_of_the_settings(
    virtual_phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_PROMPT", "Which colour?")
    async with connect_async() as phone:
        answer = await phone.ask(jpeg())

    assert answer.question == "Which colour?"


async def test_a_named_prompt_is_asked_in_its_language(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        chinese = await phone.ask(jpeg(), prompt="read-all", lang="zh", max_output_tokens=500)
        with pytest.raises(UsageError, match="two questions"):
            await phone.ask(jpeg(), "What?", prompt="read-all")
        with pytest.raises(UsageError, match="no prompt named"):
            await phone.ask(jpeg(), prompt="read-al")

    assert not chinese.question.isascii()


async def test_an_answer_that_was_cut_says_so(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        answer = await phone.ask(jpeg(), "one two three four", max_output_tokens=2)

    assert (answer.status, answer.text.split()) == ("incomplete", ["one", "two"])


async def test_it_works_beside_a_running_connect_and_after_a_replug(
    virtual_phone: VirtualPhone, adb_server: PrivateAdbServer, echo_host: RunningHost
) -> None:
    with Lease(echo_host.log.parent, virtual_phone.address, "connect"):
        async with connect_async() as phone:
            await phone.capture("camera")
            async with virtual_phone.unplugged():
                pass
            await adb_server.wait_for(virtual_phone.address)
            again = await phone.capture("camera")

    assert again.source == "camera"


# ------------------------------------------------------------------------------------------------ what goes wrong


async def test_without_that_phone_nothing_is_opened(virtual_phone: VirtualPhone) -> None:
    with pytest.raises(NoSuchDevice) as problem:
        async with connect_async("R58M"):
            pass

    assert problem.value.__notes__ == [f"hint: {problem.value.hint}"]  # an uncaught one shows it under its traceback


async def test_a_pattern_that_means_several_phones_is_refused(
    virtual_phone: VirtualPhone, adb_server: PrivateAdbServer, photos: Path
) -> None:
    async with VirtualPhone(photos, serial="VP0002") as other:
        await adb_server.connect(other.address)
        with pytest.raises(NoSuchDevice, match=other.address):
            async with connect_async("127.*"):
                pass
        await adb_server.call("disconnect", other.address)


async def test_an_option_that_does_not_exist_is_refused(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        with pytest.raises(UsageError, match="'streaming'") as problem:
            await phone.ask(jpeg(), "What?", streaming=True)  # type: ignore[call-arg]

    assert "max_output_tokens" in problem.value.hint
    assert repr(phone) == f"<AsyncPhone {virtual_phone.address} Virtual Phone>"


async def test_a_phone_that_cannot_be_used_says_why(adb_server: PrivateAdbServer, photos: Path) -> None:
    async with VirtualPhone(photos, authorized=False) as phone:
        await adb_server.connect(phone.address, state="unauthorized")
        with pytest.raises(DeviceUnusable, match="unauthorized"):
            async with connect_async(phone.address):
                pass
        await adb_server.call("disconnect", phone.address)


async def test_a_hanging_phone_ends_by_its_deadline(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        with virtual_phone.hanging(), pytest.raises(DeadlinePassed) as problem:
            await phone.capture("camera", deadline=0.3)

    assert problem.value.hint


@pytest.mark.parametrize("picture", [b"GIF89a...", "no/such/file.jpg", 7])
async def test_what_is_no_picture_is_refused(virtual_phone: VirtualPhone, picture: Picture) -> None:
    async with connect_async() as phone:
        with pytest.raises(UsageError) as problem:
            await phone.ask(picture, "What?")
        with pytest.raises(UsageError, match="source"):
            await phone.capture("mirror")  # type: ignore[arg-type]

    assert problem.value.hint


async def test_questions_the_host_will_not_have_are_errors_and_the_next_one_is_fine(
    virtual_phone: VirtualPhone,
) -> None:
    async with connect_async() as phone:
        with pytest.raises(QuestionRefused) as too_long:
            await phone.ask(jpeg(), "x" * 9_000)
        with pytest.raises(QuestionRefused) as damaged:
            await phone.ask(jpeg()[:-300] + b"\xff\xd9", "What?")
        with pytest.raises(HostUnavailable) as elsewhere:
            await phone.ask(jpeg(), "What?", model="no-such")
        answer = await phone.ask(jpeg(), "What?")

    assert too_long.value.fields["code"] == "prompt_too_long"
    assert all(problem.value.hint for problem in (too_long, damaged, elsewhere))
    assert answer.status == "completed"


async def test_a_wrong_key_is_said_at_once_and_the_next_question_tries_anew(
    virtual_phone: VirtualPhone, echo_host: RunningHost, tmp_path: Path
) -> None:
    key = tmp_path / "host.token"
    key.write_text("wrong")
    key.chmod(0o600)
    async with connect_async(host_url=echo_host.url, token_file=key) as phone:
        with pytest.raises(TokenRefused):
            await phone.ask(jpeg(), "What?")
        key.write_text(echo_host.token)
        answer = await phone.ask(jpeg(), "What?")

    assert answer.status == "completed"


# ------------------------------------------------------------------------------------------------ nothing left behind


async def test_an_answer_that_nobody_reads_on_is_stopped_at_the_host(
    virtual_phone: VirtualPhone, echo_host: RunningHost
) -> None:
    async with connect_async() as phone:
        answer_id = await _begun(phone)

    assert await status_at_host(echo_host, answer_id) == "cancelled"


async def _begun(phone: AsyncPhone) -> str:
    """Read a piece of a long answer and go; the name of the answer."""
    stream = phone.stream(jpeg(), LONG)
    async with aclosing(aiter(stream)) as pieces:
        await anext(pieces)
    return str(stream._asking._response_id)


async def test_a_question_whose_time_is_over_is_stopped_at_the_host(
    virtual_phone: VirtualPhone, echo_host: RunningHost
) -> None:
    async with connect_async() as phone:
        stream = phone.stream(jpeg(), LONG)
        await stream.piece()
        stream._until = asyncio.get_running_loop().time()
        with pytest.raises(DeadlinePassed):
            async for _ in stream:
                pass

    assert await status_at_host(echo_host, str(stream._asking._response_id)) == "cancelled"


async def test_the_end_of_the_block_stops_what_still_runs(virtual_phone: VirtualPhone, echo_host: RunningHost) -> None:
    async with connect_async() as phone:
        stream = phone.stream(jpeg(), LONG)
        assert await stream.piece()

    assert await status_at_host(echo_host, str(stream._asking._response_id)) == "cancelled"


async def test_an_error_of_the_block_leaves_it_as_it_is(virtual_phone: VirtualPhone) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(ZeroDivisionError):  # ruff: ignore[pytest-raises-with-multiple-statements] - it is the block that raises
        async with connect_async() as phone:
            await phone.ask(jpeg(), "What?")
            raise ZeroDivisionError

    left = [task for task in asyncio.all_tasks() - before if "bridge" in repr(task.get_coro())]
    assert left == []


async def test_giving_up_before_the_host_is_found_takes_it_from_nobody_else(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        given_up, other = phone.stream(jpeg(), "What?"), phone.stream(jpeg(), "What?")
        await until(lambda: phone._host is not None)
        await given_up.aclose()
        pieces = [piece async for piece in other]

    assert "".join(pieces) == other.answer.text


async def test_cancelling_an_ask_stops_it_and_leaves_the_phone_usable(virtual_phone: VirtualPhone) -> None:
    async with connect_async() as phone:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await phone.ask(jpeg(), LONG)
        answer: Answer = await phone.ask(jpeg(), "What?")

    assert answer.status == "completed"
