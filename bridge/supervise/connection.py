"""Everything one connected phone needs, put together: host client, session, front, supervisor.

`connect`, the demo and the tests all come through this door, so there is one way in which the parts meet.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import device_scripts
from bridge.adb.server import AdbAddress
from bridge.adb.transport import Transport
from bridge.client import HostClient
from bridge.config import DEFAULT_PROMPT, PHONE_PORT
from bridge.front import Front
from bridge.prompts import PromptBook
from bridge.session import Session
from bridge.session.events import PhoneInfo
from bridge.spool import Spool, device_id
from bridge.supervise.core import HELLO_S, Supervisor
from bridge.supervise.folder_watch import FolderWatch
from bridge.supervise.host import HostFinder
from bridge.supervise.runner import PhoneRunner, page_linked
from bridge.supervise.transport_tasks import TransportTasks
from bridge.supervise.tunnels import TunnelBook

__all__ = ["Connection", "Options", "connected"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a connection is told: which phone, how it is asked, what it may do.

    `fresh`: pictures taken before this connection are not sent, only counted; false goes on where a killed one stopped.
    `hello_s`: how long a page that was opened may say nothing before a fresh link is opened.
    """

    serial: str
    address: AdbAddress
    environ: Mapping[str, str]
    state_dir: Path
    model_name: str = ""
    prompt: str = DEFAULT_PROMPT
    prompt_options: Mapping[str, Any] = field(default_factory=dict)
    prompts: PromptBook = field(default_factory=PromptBook)
    model: str | None = None
    phone_port: int = PHONE_PORT
    camera_folders: tuple[str, ...] = ("/sdcard/DCIM/Camera",)
    app_dir: Path = field(default_factory=device_scripts.app_folder)
    watch: bool = True
    catch_up: bool = False
    fresh: bool = True
    open_page: bool = True
    hello_s: float = HELLO_S


@dataclass(frozen=True, slots=True)
class Connection:
    """A phone that is being kept connected."""

    options: Options
    session: Session
    front: Front
    runner: PhoneRunner


@contextlib.asynccontextmanager
async def connected(
    options: Options, *, finder: HostFinder, spool: Spool, on_event: Callable[[dict[str, Any]], None]
) -> AsyncGenerator[Connection]:
    """Keep one phone connected until the block ends; then the phone's reverse list is as it was.

    Raises `HostUnavailable` (6) or `TokenRefused` (10) when there is no host at all; later losses are mended, not
    raised.
    """
    phone = PhoneInfo(options.serial, device_id(options.state_dir, options.serial), options.model_name)
    await finder.locate()
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(HostClient(finder))
        await client.connected()
        session = Session(
            phone,
            spool,
            client,
            prompt=options.prompt,
            options=options.prompt_options,
            model=options.model,
            on_event=on_event,
        )
        session.offer([prompt.for_page() for prompt in options.prompts])
        front = await stack.enter_async_context(Front(session, app_dir=options.app_dir))
        runner = _runner(options, session, front, spool, on_event)
        front.on_pages = page_linked(runner)
        await stack.enter_async_context(_working(session.run(), runner.run()))
        yield Connection(options, session, front, runner)


@contextlib.asynccontextmanager
async def _working(*jobs: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run the jobs beside the block and end them with it."""
    try:
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(job) for job in jobs]
            try:
                yield
            finally:
                for task in work:
                    task.cancel()
    except BaseExceptionGroup as several:
        if len(several.exceptions) > 1:
            raise
        # What one block raised comes out as it is: the group is our way of working, not the caller's affair.
        raise several.exceptions[0] from None


def _runner(
    options: Options,
    session: Session,
    front: Front,
    spool: Spool,
    on_event: Callable[[dict[str, Any]], None],
) -> PhoneRunner:
    book = TunnelBook(options.state_dir)
    watch = FolderWatch(
        session,
        spool,
        folders=options.camera_folders,
        fresh=options.fresh,
        catch_up=options.catch_up,
        on_event=on_event,
    )

    def tasks(transport: Transport) -> TransportTasks:
        return TransportTasks(transport, options.phone_port, front.port, book, front.new_link_code)

    return PhoneRunner(
        serial=options.serial,
        address=options.address,
        environ=options.environ,
        tasks=tasks,
        source=watch.source,
        session=session,
        core=Supervisor(options.serial, open_page=options.open_page, watch=options.watch, hello_s=options.hello_s),
    )
