"""What a refusal of an upstream means for whoever asked, and for whoever runs the host. Pure.

An upstream's own words are not passed on: they may name machines, people and keys. Their kind is recognised and told
in ours.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from host_server.engines.base import EngineError, PromptTooLongError, UpstreamError, UpstreamRefusedError

__all__ = ["ADDRESS_HINT", "Fault", "judge", "retry_after_s", "said_in_stream", "shown", "spoken"]

ADDRESS_HINT: Final = "give the URL that ends before /chat/completions, mostly …/v1"

_LONGEST_WAIT_S: Final = 3600.0
_MOST_WORDS: Final = 2000
_ERRORS: Final = range(400, 600)
_MOST_LOGGED: Final = 300
_WRAPPED: Final = 3
"""As it is, as JSON writes it, and as JSON writes that."""
_TELLING: Final = 32
"""Characters by which a secret is known again when not all of it was said back."""
_DATA_URI: Final = re.compile(r"data:[^\s\"']*")

_KEY: Final = re.compile(r"api[-_ ]?key|credential|unauthori[sz]ed|authentication", re.IGNORECASE)
_MODEL: Final = re.compile(
    r"model[^.{}]{0,80}?(?:not[ _]?(?:found|exist|available)|does ?n[o']t exist|unknown|mismatch)"
    r"|(?:no such|unknown|invalid) model|model_not_found|server is pinned to",
    re.IGNORECASE,
)
_BLIND: Final = re.compile(
    r"image_url|multi-?modal|vision|mmproj"
    r"|images?\b[^.{}]{0,60}?(?:not |un)support|(?:not |un)support[^.{}]{0,60}?\bimages?\b|at most 0 image",
    re.IGNORECASE,
)
_LONG: Final = re.compile(
    r"context[-_ ](?:length|size|window)|maximum context|too long|too many tokens|exceeds? the (?:available|max|model)",
    re.IGNORECASE,
)
_QUOTA: Final = re.compile(r"insufficient[_ ](?:quota|balance|credits?)|billing|payment", re.IGNORECASE)

_KEY_FAULT: Final = ("The upstream refused the key.", "put a valid key into the variable that --upstream-key-env names")
_MODEL_FAULT: Final = (
    "The upstream has no such model.",
    "its /v1/models lists those it has; write one as --engine upstream=MODEL",
)
_BLIND_FAULT: Final = (
    "The upstream's model takes no pictures.",
    "choose a vision model; llama.cpp needs its --mmproj file too",
)
_ADDRESS_FAULT: Final = ("The upstream has no chat completions at that address.", ADDRESS_HINT)
_QUOTA_FAULT: Final = ("The upstream wants to be paid first.", "its quota or balance is used up")
_LARGE_FAULT: Final = (
    "The upstream takes no question as large as this.",
    "a smaller --max-side makes smaller pictures",
)
_ELSEWHERE_FAULT: Final = (
    "The upstream is at another address, and redirects are not followed.",
    "open the URL in a browser and give the one it ends at",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What came of a question that got no answer."""

    error: EngineError
    elsewhere: bool = True
    """Whether another replica may do better; otherwise it is the question."""
    words: str = ""
    """The upstream's own, where it refused the question: they may name the field that it does not know."""
    unclear: bool = False
    """Whether these words may also mean a field without naming it."""


def judge(status: int, words: str, *, wait_s: float | None = None) -> Fault:
    """What an answer with this status means, that is not 200; `words` are its body, as `spoken` reads it."""
    match status:
        case 401 | 403:
            return _refused(_KEY_FAULT)
        case 402:
            return _refused(_QUOTA_FAULT)
        case 404:
            return _refused(_MODEL_FAULT if _MODEL.search(words) else _ADDRESS_FAULT)
        case 405:
            return _refused(_ADDRESS_FAULT)
        case 413:
            return _refused(_LARGE_FAULT, elsewhere=False)
        case 429 if _QUOTA.search(words):
            return _refused(_QUOTA_FAULT)
        case 429:
            return Fault(UpstreamError("The upstream has too much to do.", retry_after_s=wait_s))
        case 408 | 409 | 425:
            return _failed(status, wait_s)
    match status // 100:
        case 3:
            return _refused(_ELSEWHERE_FAULT)
        case 4:
            return _judge_question(words)
    return _refused(_BLIND_FAULT) if _BLIND.search(words) else _failed(status, wait_s)  # some call that their failure


def said_in_stream(error: object) -> EngineError:
    """The error that came instead of the rest of an answer, or of all of it."""
    inner = error if isinstance(error, dict) else {"message": error}
    numbers = [value for key in ("status", "code") if type(value := inner.get(key)) is int]
    words = " ".join(str(inner[key]) for key in ("message", "type", "code") if inner.get(key))[:_MOST_WORDS]
    return judge(next((number for number in numbers if number in _ERRORS), 500), words).error


def spoken(body: bytes) -> str:
    """The words in an error's body that tell what is wrong, whatever shape it has; bounded."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        said = body.decode(errors="replace")
    for name in ("error", "detail"):
        said = said.get(name, said) if isinstance(said, dict) else said
    if isinstance(said, list):  # FastAPI's, which also says the whole question back
        said = [{key: one[key] for key in ("loc", "msg") if key in one} for one in said if isinstance(one, dict)]
    return (said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))[:_MOST_WORDS]


def shown(words: str, hidden: Iterable[str]) -> str:
    """A server's words for the log of the host: without what is not for logs, should it have said that back."""
    for secret in filter(None, hidden):
        for ascii_only in (True, False):
            said = secret
            for _ in range(_WRAPPED):
                words = _without(words, said)
                said = json.dumps(said[:_MOST_WORDS], ensure_ascii=ascii_only)[1:-1]
    return _DATA_URI.sub("[…]", words)[:_MOST_LOGGED]


def _without(words: str, secret: str) -> str:
    words = words.replace(secret, "[…]")[:_MOST_WORDS]
    before, begun, _ = words.partition(secret[:_TELLING])
    return f"{before}[…]" if begun and len(secret) > _TELLING else words  # the rest of a long one may be cut off


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that a server wants to be left alone (RFC 9110, 10.2.3); `now`: seconds since 1970."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value, re.ASCII):
            return min(float(value) * scale, _LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, until - now), _LONGEST_WAIT_S)


def _judge_question(words: str) -> Fault:
    """A 4xx that is about what was sent."""
    if _KEY.search(words):
        return _refused(_KEY_FAULT)
    if _LONG.search(words):
        message = "The question is longer than the upstream's model takes."
        return Fault(PromptTooLongError(message, hint="ask shorter, or about a smaller picture"), elsewhere=False)
    if _MODEL.search(words):
        return _refused(_MODEL_FAULT, words=words)
    if _BLIND.search(words):
        return _refused(_BLIND_FAULT, words=words)
    error = UpstreamRefusedError("The upstream refused the question.", hint="the host's log has its words")
    return Fault(error, elsewhere=False, words=words, unclear=True)


def _failed(status: int, wait_s: float | None) -> Fault:
    return Fault(UpstreamError(f"The upstream failed ({status}).", retry_after_s=wait_s))


def _refused(fault: tuple[str, str], *, elsewhere: bool = True, words: str = "") -> Fault:
    message, hint = fault
    return Fault(UpstreamRefusedError(message, hint=hint), elsewhere, words)
