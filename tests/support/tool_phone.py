"""A phone without any Android: a folder, and the commands a test gives it as shell scripts."""

import shlex

from tests.support.fake_transport import FolderTransport

__all__ = ["ToolPhone"]


class ToolPhone(FolderTransport):
    """`install(input="exit 0")` gives it a command; `shows(png)` lets `screencap` show that picture."""

    def install(self, **tools: str) -> None:
        """Give it commands, each the text of a script."""
        folder = self.local("/data/local/tmp/tools")
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in tools.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        if str(folder) not in self.path:
            self.path = f"{folder}:{self.path}"

    def shows(self, png: bytes, *, before: bytes = b"", behind: bytes = b"", code: int = 0) -> None:
        """Let `screencap` print this."""
        printed = self.local("/data/local/tmp/printed")
        printed.write_bytes(before + png + behind)
        self.install(screencap=f"cat {printed}\nexit {code}")

    def calls(self, tool: str) -> list[str]:
        """The arguments of all calls of a tool that was installed with `noting`."""
        noted = self.local(f"/data/local/tmp/{tool}.calls")
        return noted.read_text().splitlines() if noted.exists() else []

    def noting(self, tool: str, then: str = "exit 0") -> str:
        """The text of a script that notes its arguments and goes on."""
        return f'echo "$@" >>{shlex.quote(str(self.local(f"/data/local/tmp/{tool}.calls")))}\n{then}'
