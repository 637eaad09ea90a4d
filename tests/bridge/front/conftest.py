"""A front as the phone meets it: real sockets, a real host behind, a page folder of our own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.front import Front
from tests.support.bridge import Bench, Page, bench
from tests.support.host import RunningHost


@pytest.fixture(scope="session")
def host(shared_host: RunningHost) -> RunningHost:
    return shared_host


@pytest.fixture(scope="module")
def app_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outside = tmp_path_factory.mktemp("page")
    folder = outside / "app"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "app.js").write_text("export {};")
    (folder / "manifest.webmanifest").write_text("{}")
    (folder / ".env").write_text("SECRET=1")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("secret")
    (outside / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(outside / "secret.txt")
    return folder


# One desk and one front for a module: what a test needs of its own, it makes itself.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(host: RunningHost, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    async with bench(host, tmp_path_factory.mktemp("bench")) as made:
        await made.client.connected()
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(desk: Bench, app_dir: Path) -> AsyncIterator[Front]:
    async with Front(desk.session, app_dir=app_dir) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def fresh_front(desk: Bench, app_dir: Path) -> AsyncIterator[Front]:
    async with Front(desk.session, app_dir=app_dir) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def page(front: Front) -> Page:
    made = Page(front)
    await made.link()
    return made
