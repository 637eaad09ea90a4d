"""One question about one picture: a session of its own over the phone's connection to the host."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from bridge.client import HostClient
from bridge.errors import BridgeError
from bridge.phone.answer import Answer, answer_of
from bridge.phone.named import Asked
from bridge.phone.problems import problem_of
from bridge.session import PhoneInfo, Session, Viewer
from bridge.spool import Capture, Spool
from host_server.wire.ids import capture_file_id

__all__ = ["Asking"]

CANCEL_S = 2.0


class Asking:
    """Filled by `work`, which runs as a task; read by whoever waits for pieces or for the answer.

    An answer that broke off is asked for once more by the session. What the second try repeats is not given twice;
    where it says something else, a new line begins.
    """

    def __init__(self) -> None:
        self._asked: Asked
        self._capture: Capture
        self._fresh: list[str] = []
        self._given = ""
        self._repeating = ""
        self._response_id: str | None = None
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self.answer: Answer | None = None
        self.problem: BaseException | None = None

    # ---------------------------------------------------------------------------------------- for who waits

    async def piece(self) -> str | None:
        """What was written since the last call; None at the end. Raises what the question ended with."""
        while not self._fresh:
            if self._ended.is_set():
                if self.problem is not None:
                    raise self.problem
                return None
            self._news.clear()
            await self._news.wait()
        text, self._fresh = "".join(self._fresh), []
        return text

    # ---------------------------------------------------------------------------------------- the work

    async def work(
        self, asked: Asked, capture: Capture, client: HostClient, spool: Spool, serial: str, model: str | None
    ) -> None:
        """Ask, and collect what comes, to the end. Cancelled, it stops the answer at the host."""
        self._asked, self._capture = asked, capture
        phone = PhoneInfo(serial, capture.device_id, "")
        session = Session(phone, spool, client, prompt=asked.text, model=model, on_event=self._hear, backlog=False)
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(session.run())
                with session.subscribe("terminal", resume={}) as viewer:
                    session.handle(viewer, self._create())
                    watching = group.create_task(self._watch(viewer))
                    await self._ended.wait()
                running.cancel()
                watching.cancel()
        except BaseExceptionGroup as several:
            self.fail(several.exceptions[0])
        finally:
            if not self._ended.is_set():
                await asyncio.shield(self._stop(client))

    def fail(self, problem: BaseException | None) -> None:
        """It ends without an answer, unless it has one."""
        if not self._ended.is_set():
            self.problem = problem
            self._end()

    async def _stop(self, client: HostClient) -> None:
        if self._response_id is not None:
            with suppress(BridgeError, TimeoutError):
                async with asyncio.timeout(CANCEL_S):
                    await client.cancel(self._response_id)

    def _create(self) -> str:
        """The question as a page would put it."""
        picture = {"type": "input_image", "file_id": capture_file_id(self._capture.sha256), "detail": "auto"}
        content = [picture, {"type": "input_text", "text": self._asked.text}]
        message = {"type": "response.create", "input": [{"role": "user", "content": content}], **self._asked.options}
        return json.dumps(message)

    def _hear(self, event: dict[str, Any]) -> None:
        """For the session: what happens, in the words of JSON Lines."""
        match event["event"]:
            case "question":
                self._begin(event["response_id"])
            case "delta":
                self._write(event["delta"])
            case "answer":
                if problem := problem_of(event) or self._asked.cut_short(event):
                    self.fail(problem)
                else:
                    self.answer = answer_of(event, self._capture)
                    self._end()
            case "error" if event.get("final"):
                self.fail(problem_of(event))
            case _:
                pass

    async def _watch(self, viewer: Viewer) -> None:
        """A question that makes no sense is told only to whoever asked it."""
        async for event in viewer:
            if event["type"] == "error":
                self.fail(problem_of({"event": "error", **event["error"]}))

    def _begin(self, response_id: str) -> None:
        self._repeating, self._response_id = self._given, response_id

    def _write(self, text: str) -> None:
        if self._repeating:
            if self._repeating.startswith(text):
                self._repeating = self._repeating[len(text) :]
                return
            if text.startswith(self._repeating):
                text = text[len(self._repeating) :]
            else:
                repeated = self._given[: len(self._given) - len(self._repeating)]
                text = f"\n{repeated}{text}"
            self._repeating = ""
        self._given += text
        self._fresh.append(text)
        self._news.set()

    def _end(self) -> None:
        self._ended.set()
        self._news.set()
