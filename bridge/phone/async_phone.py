"""The one implementation of the Python face, on the event loop: `async with bridge.connect_async() as phone`."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias, Unpack

from bridge.adb.choose import chosen_devices, one_device
from bridge.adb.devices import DeviceLine
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.captures.newest import newest_capture
from bridge.captures.shutter import shoot
from bridge.client import HostClient
from bridge.client.background import Background
from bridge.config import Settings, load, own_folder
from bridge.errors import DeadlinePassed, UsageError
from bridge.phone.answer import Answer
from bridge.phone.asking import Asking
from bridge.phone.named import Asked, asked_of, one_question
from bridge.phone.options import AskOptions, ConnectOptions
from bridge.phone.pictures import Picture, as_capture
from bridge.spool import Capture, Spool, device_id
from bridge.supervise.finder import finder_of

__all__ = ["ASK_S", "CAPTURE_S", "AsyncAnswerStream", "AsyncPhone", "Source", "connect_async"]

Source: TypeAlias = Literal["camera", "screen", "newest"]

CAPTURE_S: Final = 30.0
ASK_S: Final = 300.0
_PASSED_ON: Final = ("model", "instructions", "temperature", "max_output_tokens")


class AsyncAnswerStream:
    """An answer while it is written: iterate over its pieces; then `answer` is the whole.

    Leaving the iteration early and `aclose` stop the answer at the host.
    """

    def __init__(self, asking: Asking, task: "asyncio.Task[None]", deadline: float) -> None:
        self._asking = asking
        self._task = task
        self._until = asyncio.get_running_loop().time() + deadline
        self._deadline = deadline

    @property
    def answer(self) -> Answer:
        """The finished answer. Raises `UsageError` before the last piece was read."""
        if self._asking.answer is None:
            raise UsageError("the answer is not finished", hint="read all its pieces first")
        return self._asking.answer

    async def __aiter__(self) -> AsyncGenerator[str]:
        try:
            while (piece := await self.piece()) is not None:
                yield piece
        finally:
            await self.aclose()

    async def piece(self) -> str | None:
        """What was written since the last one, as soon as there is something; None at the end."""
        try:
            async with asyncio.timeout_at(self._until):
                return await self._asking.piece()
        except TimeoutError:
            await self.aclose()
            raise _too_late(f"no answer within {self._deadline:g} s", "deadline") from None

    async def aclose(self) -> None:
        """Stop the answer if it still runs. Safe to call twice."""
        self._task.cancel()
        await asyncio.wait([self._task])


class AsyncPhone:
    """One phone. Made by `connect_async`; see there."""

    def __init__(
        self, settings: Settings, line: DeviceLine, spool: Spool, *, connection: Background, questions: Background
    ) -> None:
        self._settings = settings
        self._line = line
        self._spool = spool
        self._connection, self._questions = connection, questions
        self._device_id = device_id(settings.state_dir, line.serial)
        self._host_wanted = asyncio.Lock()
        self._host: asyncio.Future[HostClient] | None = None

    @property
    def serial(self) -> str:
        """The phone's adb serial."""
        return self._line.serial

    def __repr__(self) -> str:
        return f"<AsyncPhone {self.serial} {self.model}>"

    @property
    def model(self) -> str:
        """What the phone calls itself, for example `Pixel 9`."""
        return self._line.model.replace("_", " ")

    async def capture(self, source: Source = "camera", *, deadline: float = CAPTURE_S) -> Capture:
        """Take a picture from the phone; it is safe on this laptop when this returns.

        Args:
            source: `camera` presses the shutter and takes the photo that comes, `screen` is a screenshot, `newest` the
                newest photo there is.
            deadline: Seconds for all of it.

        Raises:
            DeviceUnusable: The phone cannot, or shows only black: locked, or an app that forbids screenshots.
            DeviceLost: The phone went away.
            DeadlinePassed: No picture came in time.
        """
        if source not in {"camera", "screen", "newest"}:
            raise UsageError(f"{source!r} is no source of pictures", hint="camera, screen or newest")
        try:
            async with asyncio.timeout(deadline):
                return await self._taken(source, deadline)
        except TimeoutError:
            raise _too_late(f"{self.serial}: no picture within {deadline:g} s", "deadline") from None

    async def ask(self, picture: Picture, question: str | None = None, **options: Unpack[AskOptions]) -> Answer:
        """Ask about a picture and wait for the whole answer. Arguments and errors are those of `stream`."""
        stream = self.stream(picture, question, **options)
        async for _ in stream:
            pass
        return stream.answer

    def stream(self, picture: Picture, question: str | None = None, **options: Unpack[AskOptions]) -> AsyncAnswerStream:
        """Ask about a picture and read the answer while it is written: `async for piece in phone.stream(…)`.

        Args:
            picture: A capture, the path of a JPEG or PNG, its bytes, or a PIL image.
            question: What is asked; left out, the prompt of the settings.
            **options: `prompt` and `lang` for a named prompt instead, `model`, `instructions`, `temperature`,
                `max_output_tokens`, `deadline`; see `AskOptions`.

        While it is read, these may be raised:
            UsageError: That is no picture. An option that does not exist is refused at once.
            QuestionRefused: The host refused the picture, the question or its length.
            HostUnavailable: No host answers, or not this model.
            TokenRefused: The host does not know our key.
            DeadlinePassed: The time is over.
        """
        if unknown := sorted(options.keys() - AskOptions.__annotations__.keys()):
            raise UsageError(f"no option {unknown[0]!r}", hint=f"there are {', '.join(AskOptions.__annotations__)}")
        asking = Asking()
        task = self._questions.start(self._answered(asking, picture, question, options))
        return AsyncAnswerStream(asking, task, options.get("deadline", ASK_S))

    def path_of(self, capture: Capture) -> Path:
        """Where a picture's file lies on this laptop, as long as it is kept."""
        return self._spool.blob_path(capture.sha256)

    # ---------------------------------------------------------------------------------------- inside

    async def _taken(self, source: Source, deadline: float) -> Capture:
        """Over a connection of its own, so that a phone that was replugged meanwhile is found again."""
        (line,) = await chosen_devices([self.serial])
        transport = await open_transport(server_address(os.environ), line)
        try:
            match source:
                case "camera":
                    return await shoot(transport, self._spool, self._device_id, deadline=deadline)
                case "newest":
                    folders = self._settings.camera_folder
                    return await newest_capture(transport, self._spool, self._device_id, folders=folders)
                case "screen":
                    from bridge.captures.screen import screen_capture

                    return await screen_capture(transport, self._spool, self._device_id, deadline=deadline)
        finally:
            await transport.close()

    async def _answered(self, asking: Asking, picture: Picture, question: str | None, options: AskOptions) -> None:
        """In the background: whatever goes wrong is the asker's to hear, not the phone's end."""
        try:
            asked = await asyncio.to_thread(self._asked, question, options)
            capture = await asyncio.to_thread(as_capture, picture, self._spool, self._device_id)
            client = await self._connected()
            await asking.work(asked, capture, client, self._spool, self.serial, self._settings.model)
        except Exception as problem:  # ruff: ignore[blind-except] it is raised where the answer is waited for
            asking.fail(problem)

    def _asked(self, question: str | None, options: AskOptions) -> Asked:
        """The words and the other fields of the question. Raises `UsageError`."""
        prompt, lang = options.get("prompt"), options.get("lang")
        one_question(question, prompt)
        settings = self._settings.model_copy(update={"lang": lang}) if lang else self._settings
        asked = Asked(question) if question is not None else asked_of(settings, prompt)
        given = {name: value for name in _PASSED_ON if (value := options.get(name)) is not None}
        return Asked(asked.text, {**asked.options, **given})

    async def _connected(self) -> HostClient:
        """The connection to the host, made at the first question and kept; after a failure it is tried anew."""
        async with self._host_wanted:
            if self._host is None:
                self._host = asyncio.get_running_loop().create_future()
                self._connection.start(self._keep_host(self._host))
            try:
                return await asyncio.shield(self._host)
            except Exception:
                self._host = None
                raise

    async def _keep_host(self, ready: "asyncio.Future[HostClient]") -> None:
        try:
            finder = finder_of(self._settings)
            await finder.locate()
            async with HostClient(finder) as client:
                await client.connected()  # a host that is silent or refuses our key is said now
                ready.set_result(client)
                await asyncio.get_running_loop().create_future()  # until cancelled
        except Exception as problem:
            if ready.done():
                raise
            ready.set_exception(problem)


@asynccontextmanager
async def connect_async(serial: str | None = None, **options: Unpack[ConnectOptions]) -> AsyncGenerator[AsyncPhone]:
    """Find a phone, and use it for the block.

    ```
    async with connect_async() as phone:
        picture = await phone.capture("screen")
        answer = await phone.ask(picture, "What does the screen say?")
        async for piece in phone.stream(picture, "And what is wrong with it?"):
            print(piece, end="")
    ```

    It takes no lease, so it works beside a running `bridge connect`. The host is found, or started, at the first
    question.

    Args:
        serial: The phone's adb serial, a unique beginning of it, or a pattern. Left out, `ANDROID_SERIAL` or the only
            phone there is.
        **options: `usb`, `tcp`, `model`, `host_url`, `token_file`, `engine`, `state_dir`; see `ConnectOptions`.

    Raises:
        NoSuchDevice: No phone matches, or several do.
        DeviceUnusable: It is unauthorized, or offline.
        AdbUnreachable: There is no adb.
        UsageError: A setting makes no sense.
    """
    usb, tcp = options.pop("usb", False), options.pop("tcp", False)
    settings = load(**options)
    line = await one_device([serial] if serial else [], usb=usb, tcp=tcp)
    async with AsyncExitStack() as stack:
        spool = await asyncio.to_thread(_opened, settings.state_dir)
        stack.callback(spool.close)
        connection = await _begun(stack)
        questions = await _begun(stack)  # they end first: an answer is stopped over the connection
        yield AsyncPhone(settings, line, spool, connection=connection, questions=questions)


async def _begun(stack: AsyncExitStack) -> Background:
    background = Background()
    await background.begin()
    stack.push_async_callback(background.end)
    return background


def _opened(state_dir: Path) -> Spool:
    return Spool(own_folder(state_dir) / "spool")


def _too_late(message: str, name: str) -> DeadlinePassed:
    return DeadlinePassed(message, hint=f"give more time with {name}=, or see `bridge status` and `bridge doctor`")
