"""Programs of others against our host, each in an environment of its own, which has to be made first.

That takes a minute and a network the first time, so these tests run when asked for: `make test-clients`.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.host import RunningHost
from tests.support.own_environment import EnvironmentMissingError

_MadeT = TypeVar("_MadeT")

_HERE = Path(__file__).parent
_DEADLINE_S = 120.0


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Not in passing."""
    asked = bool(os.environ.get("LENSBRIDGE_CLIENTS"))
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.clients)
            if not asked:
                item.add_marker(pytest.mark.skip(reason="needs environments of its own: make test-clients"))


@pytest.fixture(scope="session")
def fast_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """Answers at once."""
    with RunningHost.start(tmp_path_factory.mktemp("fast")) as running:
        yield running


@pytest.fixture(scope="session")
def slow_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    """Answers slowly enough to be cancelled and cut."""
    with RunningHost.start(tmp_path_factory.mktemp("slow"), ["echo=25"]) as running:
        yield running


def made(make: Callable[[], _MadeT]) -> _MadeT:
    """The environment; a laptop that cannot make it skips the test and says why, CI fails."""
    try:
        return make()
    except EnvironmentMissingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the environment cannot be made here: {error}")


def passes(command: Sequence[str], *, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run it to its end and give what it printed; fail with that if it fails."""
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "no_proxy": "*"}
    done = subprocess.run(
        command,
        env=clean | dict(environ or {}),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
