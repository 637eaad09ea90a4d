"""Whether a finished answer is the JSON that was asked for: believed of no engine, and checked within a deadline.

The whole text is the JSON; nothing is repaired. An answer may be huge, a schema a maze of `anyOf`, a pattern slow on
purpose: every keyword looks at the clock, and patterns are matched by an engine that stops when told to.
"""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any, Final

from host_server.core.question import AnswerForm

__all__ = ["CHECK_S", "misfit"]

CHECK_S: Final = 2.0
_MAX_DIGITS: Final = 40
_MAX_REASON: Final = 300


class _Late(Exception):
    """The check took too long."""


def misfit(text: str, form: AnswerForm, *, clock: Callable[[], float], within: float = CHECK_S) -> str | None:
    """Why the text does not fit, in a sentence; None when it does."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_int=_whole, parse_float=_real)
    except (ValueError, RecursionError) as error:
        return f"The answer is no JSON: {str(error)[:_MAX_REASON]}."
    if form.schema is None:
        return None if isinstance(value, dict) else "The answer is JSON, but no object."
    return _against(value, form.schema, clock, within)


def _against(value: Any, schema: Any, clock: Callable[[], float], within: float) -> str | None:
    import regex

    try:
        return _first_fault(value, schema, clock, within)
    except (_Late, TimeoutError, RecursionError):
        return f"The answer cannot be checked against its schema: that takes more than {within:g} s, or goes too deep."
    except regex.error:  # that its dialect is `re`'s was checked, and regex reads a few things differently
        return "The answer cannot be checked against its schema: it has a pattern that cannot be read."
    except OverflowError:  # `multipleOf` divides, and a float cannot be as large as a whole number
        return "The answer cannot be checked against its schema: it has a number that is too large."


def _first_fault(value: Any, schema: Any, clock: Callable[[], float], within: float) -> str | None:
    for error in _validator(schema, clock, within).iter_errors(value):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        return f"The answer does not fit its schema at ${where[:_MAX_REASON]}: {error.message[:_MAX_REASON]}"
    return None


def _validator(schema: Any, clock: Callable[[], float], within: float) -> Any:
    """The keywords of jsonschema, each of which looks at the clock first."""
    import regex
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema.validators import extend
    from referencing import Registry

    until = clock() + within  # loading the libraries is not the answer's affair

    def in_time(check: Any) -> Any:
        def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
            if clock() > until:
                raise _Late
            yield from check(validator, value, instance, schema) or ()

        return checked

    def pattern(validator: Any, value: str, instance: Any, schema: Any) -> Iterator[ValidationError]:  # ruff: ignore[unused-function-argument] jsonschema's form
        if not isinstance(instance, str):
            return
        if regex.search(value, instance, timeout=max(until - clock(), 0.001)) is None:
            yield ValidationError(f"{_shown(instance)} does not match {value!r}")

    def unique_items(validator: Any, value: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:  # ruff: ignore[unused-function-argument, boolean-type-hint-positional-argument]
        # jsonschema compares every two items, which takes for ever on a long list.
        if value and isinstance(instance, list) and len({_canonical(item) for item in instance}) < len(instance):
            yield ValidationError(f"{_shown(instance)} has non-unique elements")

    keywords = dict(Draft202012Validator.VALIDATORS) | {"pattern": pattern, "uniqueItems": unique_items}
    checker: Any = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {name: in_time(check) for name, check in keywords.items()}
    )
    return checker(schema, registry=Registry())


def _canonical(value: Any) -> str:
    """Equal values in JSON's sense, where 1 and 1.0 are the same and true is neither, have equal texts."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Any) -> str:
    return repr(value)[:_MAX_REASON]


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value
