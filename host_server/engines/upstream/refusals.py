"""What a server does not take of a question, so that it is asked without. Pure.

Some refuse every field they do not know. `uuid` of a picture and `chat_template_kwargs` are vLLM's; old servers know
neither `stream_options` nor `response_format`, new ones of OpenAI no `max_tokens`, and models that reason take no
temperature.
"""

import re
from collections.abc import Set as AbstractSet
from typing import Final, Literal

__all__ = ["Extra", "blamed"]

Extra = Literal["uuid", "template", "usage", "form", "max_tokens", "temperature", "top_p", "seed", "stop"]

_NAMES: Final[dict[Extra, re.Pattern[str]]] = {
    "uuid": re.compile(r"\buuid\b"),
    "template": re.compile(r"chat_template_kwargs|enable_thinking"),
    "usage": re.compile(r"stream_options|include_usage"),
    "form": re.compile(r"response_format|json_schema|json_object|grammar"),
    "max_tokens": re.compile(r"\bmax_tokens\b"),
    "temperature": re.compile(r"\btemperature\b"),
    "top_p": re.compile(r"\btop_p\b"),
    "seed": re.compile(r"\bseed\b"),
    "stop": re.compile(r"\bstop\b"),
}
_UNNAMED: Final[tuple[frozenset[Extra], ...]] = (
    frozenset({"uuid", "template"}),
    frozenset({"usage"}),
    frozenset({"form"}),
)
"""What is left out where a refusal names nothing, in this order: what the fewest servers know first."""


def blamed(words: str, sent: AbstractSet[Extra], *, unclear: bool) -> frozenset[Extra]:
    """What to leave out of a question that was refused with these words; nothing, when that will not help.

    `unclear`: nothing else is known to be the reason, so that it is worth a try where the words name nothing.
    """
    named = frozenset(extra for extra, name in _NAMES.items() if extra in sent and name.search(words))
    guesses = _UNNAMED if unclear else ()
    return named or next((some & sent for some in guesses if some & sent), frozenset())
