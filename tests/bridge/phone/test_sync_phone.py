"""The Python face for plain code: the same, waited for; nothing is left of it, whatever interrupts it."""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

import bridge
from bridge import Answer, connect
from bridge.errors import DeadlinePassed, NoSuchDevice, UsageError
from bridge.phone.portal import Portal
from tests.support.host import RunningHost
from tests.support.real_pictures import jpeg
from virtual_phone import VirtualPhone

EXAMPLES = Path(__file__).parents[3] / "examples"


def threads() -> int:
    return sum(thread.name == "lensbridge" for thread in threading.enumerate())


# ------------------------------------------------------------------------------------------------ with a phone


@pytest.mark.e2e
@pytest.mark.usefixtures("here")
async def test_plain_code_takes_asks_and_reads_on(virtual_phone: VirtualPhone) -> None:
    def program() -> None:
        with connect(virtual_phone.address) as phone:
            photo = phone.capture("camera")
            answer = phone.ask(photo, "What is it?")
            stream = phone.stream(photo, "one two three four five")
            pieces = list(stream)

            assert (phone.serial, phone.model) == (virtual_phone.address, "Virtual Phone")
            assert phone.path_of(photo).stat().st_size == photo.size
        assert answer.text == "What is it? [picture 640x480]"
        assert "".join(pieces) == stream.answer.text
        with pytest.raises(UsageError, match="not open"):
            phone.ask(photo, "And now?")
        stream.close()

    await asyncio.to_thread(program)

    assert threads() == 0


@pytest.mark.e2e
@pytest.mark.usefixtures("here")
async def test_breaking_off_a_loop_stops_the_answer_and_the_phone_goes_on(virtual_phone: VirtualPhone) -> None:
    def program() -> Answer:
        phone = connect().open()
        try:
            for _ in phone.stream(jpeg(), "word " * 1500):
                break
            with pytest.raises(DeadlinePassed):
                phone.ask(jpeg(), "word " * 1500, deadline=0.3)
            return phone.ask(jpeg(), "What?")
        finally:
            phone.close()
            phone.close()

    began = time.monotonic()
    answer = await asyncio.to_thread(program)

    assert answer.status == "completed"
    assert time.monotonic() - began < 20  # 1500 words take 25
    assert threads() == 0


@pytest.mark.e2e
@pytest.mark.usefixtures("here")
async def test_what_goes_wrong_at_the_door_comes_out_and_leaves_no_thread(virtual_phone: VirtualPhone) -> None:
    def program() -> None:
        with pytest.raises(NoSuchDevice), connect("R58M"):
            pass
        with pytest.raises(ZeroDivisionError), connect():
            raise ZeroDivisionError

    await asyncio.to_thread(program)

    assert threads() == 0


@pytest.mark.e2e
@pytest.mark.usefixtures("here")
async def test_a_phone_shows_which_one_it_is(virtual_phone: VirtualPhone) -> None:
    def program() -> tuple[str, str]:
        with connect() as phone:
            return repr(phone), repr(connect())

    assert await asyncio.to_thread(program) == (
        f"<Phone {virtual_phone.address} Virtual Phone>",
        "<Phone, not open>",
    )


ENDLESS = """
import sys
from bridge import connect
with connect() as phone:
    for piece in phone.stream(sys.argv[1], "word " * 600):
        print(piece, flush=True)
"""


@pytest.mark.e2e
async def test_ctrl_c_ends_a_program_and_its_answer(
    terminal: dict[str, str], virtual_phone: VirtualPhone, echo_host: RunningHost, photos: Path
) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ENDLESS, str(photos / "a.jpg")),
        env=terminal,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert program.stdout is not None
    async with asyncio.timeout(30):
        assert await program.stdout.readline()
        program.send_signal(signal.SIGINT)
        _, err = await program.communicate()

    assert program.returncode == -signal.SIGINT
    assert err.decode().strip().endswith("KeyboardInterrupt")
    async with httpx.AsyncClient(trust_env=False, headers=echo_host.headers) as client:
        assert (await client.get(f"{echo_host.url}/health/ready")).json()["busy"] == 0


# ------------------------------------------------------------------------------------------------ the examples


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["read_label.py", "read_label_async.py"])
async def test_the_examples_run(terminal: dict[str, str], virtual_phone: VirtualPhone, name: str) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / name), virtual_phone.address),
        env=terminal,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await program.communicate()

    assert (program.returncode, err) == (0, b"")
    assert "Read all the text on this label. [picture 640x480]" in out.decode().replace(
        f"\n{virtual_phone.address}: ", ""
    )


@pytest.mark.e2e
async def test_an_example_that_fails_says_what_to_do(terminal: dict[str, str]) -> None:
    for name in ("read_label.py", "read_label_async.py"):
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, str(EXAMPLES / name), "R58M"), env=terminal, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(30):
            _, err = await program.communicate()

        assert program.returncode == NoSuchDevice.exit_code
        assert "adb connect" in err.decode()


@pytest.mark.e2e
async def test_the_example_for_several_phones_asks_which(terminal: dict[str, str]) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / "read_label_async.py")), env=terminal, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, err = await program.communicate()

    assert program.returncode == 2
    assert "bridge devices" in err.decode()


# ------------------------------------------------------------------------------------------------ portal, package


@asynccontextmanager
async def endless() -> AsyncGenerator[str]:
    yield "thing"


async def forever() -> None:
    await asyncio.Event().wait()


def test_a_call_into_a_closed_portal_is_refused() -> None:
    portal = Portal(endless())
    assert portal.open() == "thing"
    portal.close()

    with pytest.raises(UsageError, match="closed"):
        portal.call(forever())


def test_closing_ends_a_call_that_waits_in_another_thread() -> None:
    portal = Portal(endless())
    portal.open()
    ends: list[BaseException] = []

    def waits() -> None:
        try:
            portal.call(forever())
        except UsageError as end:
            ends.append(end)

    waiting = threading.Thread(target=waits)
    waiting.start()
    portal.close()
    waiting.join(10)

    assert [type(end) for end in ends] == [UsageError]


def test_what_leaving_the_context_raises_comes_out_of_close() -> None:
    @asynccontextmanager
    async def broken() -> AsyncGenerator[None]:
        try:
            yield
        finally:
            raise ZeroDivisionError

    portal = Portal(broken())
    portal.open()

    with pytest.raises(ZeroDivisionError):
        portal.close()
    portal.close()


def test_the_package_offers_the_face_and_nothing_else() -> None:
    assert {name: getattr(bridge, name).__name__ for name in bridge.__all__} == {name: name for name in bridge.__all__}
    with pytest.raises(AttributeError, match="no attribute 'disconnect'"):
        _ = bridge.disconnect
