"""From an engine's pieces to an answer's text: unwrapped on the way, looked through and checked at the end."""

import asyncio
import time
from functools import partial

from host_server.core.boxes import find_boxes
from host_server.core.fitting import misfit
from host_server.core.question import AnswerForm
from host_server.core.unwrap import Unwrapper
from host_server.service.answer import Answer
from host_server.wire.errors import WireError

__all__ = ["Speech"]


class Speech:
    """Writes one answer. `say` or `think` each piece, `pause` when there is no more, `finish` one that is whole."""

    def __init__(self, answer: Answer, form: AnswerForm | None) -> None:
        self.form = form
        self._answer = answer
        self._unwrapper = Unwrapper(unfence=form is not None)

    def say(self, piece: str) -> bool:
        """Write a piece; False when the answer has become too long for it."""
        return self._write(self._unwrapper.add(piece))

    def think(self, piece: str) -> bool:
        """Write a piece of what the model thinks, which is no part of the answer; False as for `say`."""
        if not self._answer.log.fits(piece):
            return False
        self._answer.emit(self._answer.writer.reasoning(piece))
        return True

    def pause(self) -> None:
        """Nothing more comes, for whatever reason: what was held back is text after all."""
        self._write(self._unwrapper.rest())

    async def finish(self, *, cut: bool) -> None:
        """Tell the places it names; then raise `WireError` when it is whole and not the JSON that was asked for.

        An answer that was cut is told as such: that its JSON has no end says nothing more.
        """
        text = self._answer.writer.text
        if "[" in text:
            boxes = await asyncio.to_thread(find_boxes, text, self._unwrapper.spans)
            self._answer.emit(self._answer.writer.annotate([box.annotation() for box in boxes]))
        if self.form is None or cut:
            return
        reason = await asyncio.to_thread(partial(misfit, text, self.form, clock=time.monotonic))
        if reason is not None:
            raise WireError("output_invalid", reason)

    def _write(self, text: str) -> bool:
        if not self._answer.log.fits(text):
            return False
        self._answer.emit(self._answer.writer.delta(text))
        return True
