"""The Python face for plain code: `with bridge.connect() as phone`. Every call is the async one's, waited for."""

from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from bridge.errors import UsageError
from bridge.phone.answer import Answer
from bridge.phone.async_phone import CAPTURE_S, AsyncAnswerStream, AsyncPhone, Source, connect_async
from bridge.phone.options import AskOptions, ConnectOptions
from bridge.phone.pictures import Picture
from bridge.phone.portal import Portal
from bridge.spool import Capture

__all__ = ["AnswerStream", "Phone", "connect"]


class AnswerStream:
    """An answer while it is written: iterate over its pieces; then `answer` is the whole.

    Leaving the loop early and `close` stop the answer at the host.
    """

    def __init__(self, portal: Portal[AsyncPhone], stream: AsyncAnswerStream) -> None:
        self._portal = portal
        self._stream = stream

    @property
    def answer(self) -> Answer:
        """The finished answer. Raises `UsageError` before the last piece was read."""
        return self._stream.answer

    def __iter__(self) -> Generator[str]:
        try:
            while (piece := self._portal.call(self._stream.piece())) is not None:
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        """Stop the answer if it still runs. Safe to call twice."""
        with suppress(UsageError):  # the phone is closed, and with it every answer
            self._portal.call(self._stream.aclose())


class Phone:
    """One phone. Made by `connect`; use it in a `with` block, or call `open` and `close`."""

    def __init__(self, context: Callable[[], AbstractAsyncContextManager[AsyncPhone]]) -> None:
        self._context = context
        self._open: tuple[Portal[AsyncPhone], AsyncPhone] | None = None

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """Find the phone. For notebooks; a `with` block does it too. Raises what `connect` says."""
        if self._open is None:
            portal = Portal(self._context())
            self._open = portal, portal.open()
        return self

    def close(self) -> None:
        """Stop what runs, and give everything back. Safe to call twice."""
        held, self._open = self._open, None
        if held is not None:
            held[0].close()

    def __repr__(self) -> str:
        return f"<Phone {self.serial} {self.model}>" if self._open else "<Phone, not open>"

    @property
    def serial(self) -> str:
        """The phone's adb serial."""
        return self._opened()[1].serial

    @property
    def model(self) -> str:
        """What the phone calls itself, for example `Pixel 9`."""
        return self._opened()[1].model

    def capture(self, source: Source = "camera", *, deadline: float = CAPTURE_S) -> Capture:
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
        portal, phone = self._opened()
        return portal.call(phone.capture(source, deadline=deadline))

    def ask(self, picture: Picture, question: str | None = None, **options: Unpack[AskOptions]) -> Answer:
        """Ask about a picture and wait for the whole answer. Arguments and errors are those of `stream`."""
        portal, phone = self._opened()
        return portal.call(phone.ask(picture, question, **options))

    def stream(self, picture: Picture, question: str | None = None, **options: Unpack[AskOptions]) -> AnswerStream:
        """Ask about a picture and read the answer while it is written: `for piece in phone.stream(…)`.

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
        portal, phone = self._opened()

        async def begun() -> AsyncAnswerStream:  # ruff: ignore[unused-async] - it starts a task, so it runs in the loop
            return phone.stream(picture, question, **options)

        return AnswerStream(portal, portal.call(begun()))

    def path_of(self, capture: Capture) -> Path:
        """Where a picture's file lies on this laptop, as long as it is kept."""
        return self._opened()[1].path_of(capture)

    def _opened(self) -> tuple[Portal[AsyncPhone], AsyncPhone]:
        if self._open is None:
            raise UsageError("this phone is not open", hint="use it inside `with connect() as phone:`")
        return self._open


def connect(serial: str | None = None, **options: Unpack[ConnectOptions]) -> Phone:
    """Find a phone, and use it for the block.

    ```
    with connect() as phone:
        picture = phone.capture("screen")
        answer = phone.ask(picture, "What does the screen say?")
        for piece in phone.stream(picture, "And what is wrong with it?"):
            print(piece, end="")
    ```

    It takes no lease, so it works beside a running `bridge connect`. The host is found, or started, at the first
    question.

    Args:
        serial: The phone's adb serial, a unique beginning of it, or a pattern. Left out, `ANDROID_SERIAL` or the only
            phone there is.
        **options: `usb`, `tcp`, `model`, `host_url`, `token_file`, `engine`, `state_dir`; see `ConnectOptions`.

    When the block is entered, these may be raised:
        NoSuchDevice: No phone matches, or several do.
        DeviceUnusable: It is unauthorized, or offline.
        AdbUnreachable: There is no adb.
        UsageError: A setting makes no sense.
    """
    return Phone(lambda: connect_async(serial, **options))
