"""What fields of more than one kind of request are made of: their limits, and how a refusal names the place."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from host_server.wire.errors import WireError

__all__ = [
    "MAX_ITEMS",
    "MAX_NAME",
    "MAX_PARTS",
    "Effort",
    "Metadata",
    "Model",
    "Name",
    "OutputTokens",
    "Seed",
    "Stop",
    "Temperature",
    "Text",
    "Tier",
    "TopP",
    "refuse",
    "validated",
]

MAX_ITEMS = 200
MAX_PARTS = 64
MAX_NAME = 128

_MAX_TEXT = 200_000
_MAX_METADATA = 16
_MAX_METADATA_KEY = 64
_MAX_METADATA_VALUE = 512
_MAX_STOPS = 4
_MAX_STOP = 256
_MAX_SEED = 2**63
_MAX_MESSAGE = 500


class Model(BaseModel):
    """Unknown fields are accepted and left behind."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _small(metadata: Any) -> Any:
    """Looked at before the pairs are: a million wrong ones would take seconds to complain about."""
    if isinstance(metadata, dict) and (
        len(metadata) > _MAX_METADATA or any(len(key) > _MAX_METADATA_KEY for key in metadata)
    ):
        raise ValueError(f"at most {_MAX_METADATA} pairs, keys of at most {_MAX_METADATA_KEY} characters")
    return metadata


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Text = Annotated[str, Field(max_length=_MAX_TEXT)]
Metadata = Annotated[dict[str, Annotated[str, Field(max_length=_MAX_METADATA_VALUE)]], BeforeValidator(_small)]
OutputTokens = Annotated[int, Field(ge=1, le=1_000_000)]
Temperature = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
TopP = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=-_MAX_SEED, le=_MAX_SEED - 1)]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Tier = Annotated[str, Field(max_length=MAX_NAME)]

_OneStop = Annotated[str, Field(min_length=1, max_length=_MAX_STOP)]
Stop = _OneStop | Annotated[list[_OneStop], Field(max_length=_MAX_STOPS)]

_ModelT = TypeVar("_ModelT", bound=Model)


def validated(model: type[_ModelT], data: dict[str, Any]) -> _ModelT:
    """Decoded JSON as what it has to be. Raises `WireError` that names the place that is wrong, the innermost."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        inner = max(errors, key=lambda each: len(each["loc"]))  # of the ways to write a field, the one that was tried
        param = ".".join(str(part) for part in inner["loc"] if _is_place(part)) or None
        said: str = inner["msg"]
        ours = said.startswith(
            "Value error, "
        )  # and names what it is about; some clients show no more than the message
        message = said.removeprefix("Value error, ") if ours or param is None else f"`{param}`: {said}"
        raise WireError(
            "invalid_request", f"{message[:_MAX_MESSAGE]}.", param=param
        ) from None  # it may repeat what was sent


def _is_place(part: int | str) -> bool:
    """Whether it is part of what was sent, and not the name of a type."""
    return isinstance(part, int) or (part.isidentifier() and part != "str")


def refuse(wanted: dict[str, Any]) -> None:
    """Refuse by name what was asked for and cannot be had. Raises `WireError`."""
    for name, value in wanted.items():
        if value:
            raise WireError("unsupported_parameter", f"`{name}` is not supported by this host.", param=name)
