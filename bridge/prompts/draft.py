"""Editing one's own prompts: a draft becomes the file only when it is right, and is kept when it is not."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.prompts.book import Prompt, read_file

__all__ = ["Draft"]

_TEMPLATE: Final = Path(__file__).with_name("template.yaml")


@dataclass(frozen=True, slots=True)
class Draft:
    """A copy of `file` beside it, for the editor. One that was left behind by a mistake is gone on with."""

    file: Path

    @property
    def path(self) -> Path:
        """What the editor opens; it ends in `.yaml`, so that the editor knows what it is."""
        return self.file.with_name(f".{self.file.stem}.draft{self.file.suffix}")

    @property
    def _before(self) -> Path:
        return self.file if self.file.exists() else _TEMPLATE

    def begin(self) -> bool:
        """Make the draft; False when there is one already, from an edit that was not finished."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.path.exists():
            return False
        made = self.path.with_suffix(".part")
        shutil.copyfile(self._before, made)
        made.replace(self.path)
        return True

    def drop_unchanged(self) -> None:
        """The editor failed: nothing is kept where nothing was written."""
        if self.path.read_bytes() == self._before.read_bytes():
            self.path.unlink()

    def finish(self) -> dict[str, Prompt]:
        """Let the draft become the file. Raises `PromptFileError` when it is not right, and leaves both as they are."""
        prompts = read_file(self.path, origin=str(self.file))
        with self.path.open("rb") as written:
            os.fsync(written.fileno())
        self.path.replace(self.file)
        return prompts
