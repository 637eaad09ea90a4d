"""How `bridge doctor` shows what it found: on a terminal grouped and coloured, elsewhere a line each, for `grep`."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from bridge.cli.output import clean
from bridge.doctor.finding import Finding, Status, exit_code, worst

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["Checkup"]

MARKS: Final[dict[Status, str]] = {"PASS": "✓", "WARN": "!", "FAIL": "✗"}
STYLES: Final[dict[Status, str]] = {"PASS": "green", "WARN": "yellow", "FAIL": "bold red"}
NAME_WIDTH: Final = 11


class Checkup:
    """The findings in the order they are told, areas together."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = findings

    @property
    def summary(self) -> str:
        """The last line: how many of each, and how the command ends."""
        count = {status: sum(finding.status == status for finding in self._findings) for status in MARKS}
        parts = [_counted(count["FAIL"], "failure"), _counted(count["WARN"], "warning"), f"{count['PASS']} passed"]
        code = exit_code(self._findings)
        return ", ".join(filter(None, parts)) + (f" (exit code {code})" if code else "")

    def lines(self) -> Iterator[str]:
        """Plain text: the word, the area and what was found; the next step on a line of its own."""
        for finding in self._findings:
            yield _line(f"{finding.status}  {finding.area} {finding.check}: {finding.text}")
            if finding.hint:
                yield _line(f"      hint: {finding.hint}")
        yield self.summary

    def page(self) -> "RenderableType":
        """For a terminal: a heading for each area, a mark for each finding, texts that wrap under themselves."""
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = []
        for area, findings in groupby(self._findings, key=lambda finding: finding.area):
            parts += [Text(clean(area), style="bold"), _rows(list(findings)), Text("")]
        state = worst(self._findings)
        return Group(*parts, Text(self.summary, style=STYLES[state]))


def _rows(findings: Sequence[Finding]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    table.add_column(width=3, justify="right")
    table.add_column(width=NAME_WIDTH, style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        style = STYLES[finding.status]
        quiet = finding.status == "PASS"
        text = Text(_line(finding.text), style="" if quiet else style)
        table.add_row(Text(MARKS[finding.status], style=style), Text(finding.check), text)
        if finding.hint:
            table.add_row("", "", Text("→ " + _line(finding.hint)))
    return table


def _line(text: str) -> str:
    return clean(text).replace("\n", "\\n").replace("\t", " ")


def _counted(count: int, word: str) -> str:
    return "" if not count else f"{count} {word}{'' if count == 1 else 's'}"
