"""What a check found: one line and, where something is amiss, the next step. And how all of them end the command."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from bridge.errors import BridgeError, TokenRefused

__all__ = [
    "ADB_CODE",
    "HOST_CODE",
    "NO_PHONE_CODE",
    "OTHER_CODE",
    "PHONE_CODE",
    "TOKEN_CODE",
    "Finding",
    "Status",
    "bounded",
    "exit_code",
    "failed",
    "gravest",
    "passed",
    "warned",
    "worst",
]

Status: TypeAlias = Literal["PASS", "WARN", "FAIL"]

OTHER_CODE: Final = 1
NO_PHONE_CODE: Final = 3
PHONE_CODE: Final = 4
ADB_CODE: Final = 5
HOST_CODE: Final = 6
TOKEN_CODE: Final = 10

_GRAVEST_FIRST: Final = (ADB_CODE, NO_PHONE_CODE, PHONE_CODE, HOST_CODE, TOKEN_CODE, OTHER_CODE)
"""What stands in the way first: without adb there is no phone, without a phone the host has nothing to answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. `area` groups findings, `check` names this one for programs and never changes.

    `exit_code` is that of a FAIL; `facts` is what was seen, for `--json`.
    """

    area: str
    check: str
    status: Status
    text: str
    hint: str = ""
    exit_code: int = 0
    facts: dict[str, Any] = field(default_factory=dict, hash=False)


def passed(area: str, check: str, text: str, **facts: Any) -> Finding:
    """All is well here."""
    return Finding(area, check, "PASS", text, facts=facts)


def warned(area: str, check: str, text: str, *, hint: str, **facts: Any) -> Finding:
    """It works, or will, but somebody should know; `hint` is the next step."""
    return Finding(area, check, "WARN", text, hint, facts=facts)


def failed(area: str, check: str, text: str, *, hint: str, exit_code: int = OTHER_CODE, **facts: Any) -> Finding:
    """This stands in the way; `hint` is the next step."""
    return Finding(area, check, "FAIL", text, hint, exit_code, facts)


def worst(findings: Iterable[Finding]) -> Status:
    """The whole in one word."""
    found = {finding.status for finding in findings}
    return next((status for status in ("FAIL", "WARN") if status in found), "PASS")


def gravest(findings: Iterable[Finding]) -> Finding | None:
    """The failure that stands in the way first, if there is one: what to mend before all else."""
    failures = [finding for finding in findings if finding.status == "FAIL"]
    return min(failures, key=lambda finding: _GRAVEST_FIRST.index(finding.exit_code), default=None)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 without a failure, else the code of the gravest."""
    found = gravest(findings)
    return found.exit_code if found is not None else 0


async def bounded(
    area: str, check: str, work: Awaitable[Sequence[Finding]], *, seconds: float, exit_code: int, hint: str
) -> Sequence[Finding]:
    """What `work` finds; when it breaks, or takes longer than `seconds`, that is the finding."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        return [failed(area, check, f"no answer within {seconds:g} s", hint=hint, exit_code=exit_code)]
    except BridgeError as error:
        code = TOKEN_CODE if isinstance(error, TokenRefused) else exit_code
        return [failed(area, check, error.message, hint=error.hint or hint, exit_code=code)]
