"""Which hub is meant, for commands that ask one."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from host_server.checkpoints.sources import Source, SourceName
    from host_server.checkpoints.web import Web

__all__ = ["Endpoint", "Hub", "SourceOption", "TokenEnv", "hub"]

SourceOption = Annotated[Literal["huggingface", "modelscope"], typer.Option(help="Which hub it is on.")]
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="A mirror of that hub. [default: $HF_ENDPOINT or $MODELSCOPE_ENDPOINT or its own]"
    ),
]
TokenEnv = Annotated[
    str | None,
    typer.Option(
        metavar="VARIABLE",
        help="The environment variable with the hub's token. [default: that of `hf auth login`, for huggingface.co]",
    ),
]


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub to ask."""

    web: "Web"
    source: "Source"


@contextmanager
def hub(name: "SourceName", endpoint: str | None, token_env: str | None) -> Generator[Hub]:
    """The hub of the options. Raises `ValueError` in words where they make no sense."""
    from host_server.checkpoints.cache import own_token
    from host_server.checkpoints.sources import HUGGING_FACE, endpoint_of, source_of
    from host_server.checkpoints.web import Web

    at = endpoint_of(name, endpoint)
    token = os.environ.get(token_env) if token_env else None
    if token_env and not token:
        raise ValueError("the environment variable of --token-env is empty")
    if token is None and at.rstrip("/") == HUGGING_FACE:  # it was not left here for anybody else
        token = own_token()
    with Web(at, token=token) as web:
        yield Hub(web, source_of(name, web))
