"""`bridge-host pull`: fetch a model."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_server.cli import hub_options, options
from host_server.cli.ending import answering, usage
from host_server.cli.units import show_size

if TYPE_CHECKING:
    from host_server.checkpoints.files import RemoteFile
    from host_server.checkpoints.pull import Pulled, Watcher
    from host_server.checkpoints.sources import SourceName

__all__ = ["fetch_model", "pull"]


def pull(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="OWNER/NAME on the hub.")],
    *,
    revision: options.Revision = None,
    source: hub_options.SourceOption = "huggingface",
    endpoint: hub_options.Endpoint = None,
    token_env: hub_options.TokenEnv = None,
    with_code: Annotated[
        bool, typer.Option("--with-code", help="Also the Python files, for `serve --trust-remote-code`.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say the result as JSON.")] = False,
) -> None:
    """Fetch a model and verify each file, so that it loads without a network; what broke off goes on."""
    with answering(as_json=as_json):
        pulled = fetch_model(model, revision, source, endpoint, token_env, with_code=with_code)
        if as_json:
            typer.echo(json.dumps(_as_json(model, pulled)))
        else:
            typer.echo(str(pulled.folder))


def fetch_model(
    model: str,
    revision: str | None,
    source: "SourceName" = "huggingface",
    endpoint: str | None = None,
    token_env: str | None = None,
    *,
    with_code: bool = False,
) -> "Pulled":
    """Pull with progress on stderr; the errors are those of `checkpoints.pull`."""
    from host_server.checkpoints.cache import hub_cache
    from host_server.checkpoints.pull import pull as pull_here
    from host_server.engines.transformers_vlm.folder import is_hub_id, is_revision

    if not is_hub_id(model):
        usage(f"{model!r} is no model of a hub.", "write OWNER/NAME, as in its address there")
    if revision is not None and not is_revision(revision):
        usage(f"{revision!r} is no revision.", "--revision takes a branch, a tag or a commit")
    with hub_options.hub(source, endpoint, token_env) as hub, _progress(model) as watcher:
        return pull_here(hub.web, hub.source, hub_cache(), model, revision=revision, code=with_code, watcher=watcher)


@contextmanager
def _progress(model: str) -> Generator["Watcher"]:
    """A bar on a terminal; anywhere else one line at the beginning."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from host_server.checkpoints.pull import Watcher

    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task(model, total=None)

        def begins(files: "Sequence[RemoteFile]", to_come: int) -> None:
            total = sum(file.size for file in files)
            bars.update(task, total=total)
            line = f"{model}: {len(files)} files, {show_size(total)}, {show_size(to_come)} to come"
            console.print(line, markup=False, highlight=False, soft_wrap=True)  # above the bar, where there is one

        yield Watcher(begins=begins, advanced=lambda _, count: bars.advance(task, count))


def _as_json(model: str, pulled: "Pulled") -> dict[str, Any]:
    files = [{"name": file.name, "size": file.size, "checksum": file.checksum} for file in pulled.files]
    return {
        "model": model,
        "commit": pulled.commit,
        "folder": str(pulled.folder),
        "size": pulled.size,
        "fetched": pulled.fetched,
        "files": files,
    }
