"""Each documented exit code, produced by the real command, with its next step.

The codes are those of the reference, so a new one without a way here fails.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from bridge import errors
from host_server.wire.discovery import read_host_record
from tests.support.adb_server import PrivateAdbServer
from tests.support.command import Done, bridge, running
from tests.support.host_in_loop import serving
from tests.support.scripted_engine import ScriptedEngine
from virtual_phone import VirtualPhone

pytestmark = pytest.mark.e2e


def documented() -> list[int]:
    """Every code that an error stands for, and the others."""
    named = [getattr(errors, name) for name in errors.__all__]
    raised = {kind.exit_code for kind in named if isinstance(kind, type) and issubclass(kind, errors.BridgeError)}
    return sorted(raised | set(errors.OTHER_EXITS))


@dataclass(frozen=True, slots=True)
class Stage:
    """What a way to an exit code may use."""

    env: dict[str, str]
    adb_server: PrivateAdbServer
    photos: Path
    folder: Path

    @property
    def picture(self) -> str:
        """A photo that is fine."""
        return str(self.photos / "a.jpg")

    @contextlib.asynccontextmanager
    async def phone(self, *, authorized: bool = True) -> AsyncGenerator[VirtualPhone]:
        """A phone the adb server knows."""
        async with VirtualPhone(self.photos, authorized=authorized, capture_pause=0.02) as phone:
            await self.adb_server.connect(phone.address, state="device" if authorized else "unauthorized")
            try:
                yield phone
            finally:
                await self.adb_server.call("disconnect", phone.address)


Way: TypeAlias = Callable[[Stage], Awaitable[Done]]


@pytest.fixture
def stage(adb_server: PrivateAdbServer, env: dict[str, str], photos: Path, tmp_path: Path) -> Stage:
    """An adb server, a host with the echo engine, a folder."""
    return Stage(env, adb_server, photos, tmp_path)


# ---- the ways, by exit code ----


async def all_is_well(stage: Stage) -> Done:
    return await bridge("ask", "What is it?", "--picture", stage.picture, env=stage.env)


async def a_check_of_the_doctor_fails(stage: Stage) -> Done:
    return await bridge("doctor", env={**stage.env, "PATH": "/nonexistent", "ADB": "/nonexistent"})


async def a_file_that_is_no_picture(stage: Stage) -> Done:
    path = stage.folder / "notes.txt"
    path.write_text("no picture", encoding="utf-8")
    return await bridge("ask", "What is it?", "--picture", str(path), env=stage.env)


async def a_serial_that_nobody_has(stage: Stage) -> Done:
    return await bridge("connect", "no-such-phone", env=stage.env)


async def a_phone_that_was_not_asked(stage: Stage) -> Done:
    async with stage.phone(authorized=False):
        return await bridge("connect", env=stage.env)


async def a_port_where_no_adb_server_is(stage: Stage) -> Done:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await bridge("devices", env={**stage.env, "ADB_SERVER_SOCKET": f"tcp:127.0.0.1:{port}"})


async def a_host_that_is_not_there(stage: Stage) -> Done:
    words = ("ask", "What is it?", "--picture", stage.picture, "--host-url", "http://127.0.0.1:9")
    return await bridge(*words, env={**stage.env, "BRIDGE_TOKEN": "x"})


async def a_phone_unplugged_while_its_picture_is_read(stage: Stage) -> Done:
    async with stage.phone() as phone:
        photo = phone.storage / "DCIM" / "Camera" / "IMG_0001.jpg"
        photo.write_bytes(Path(stage.picture).read_bytes() + bytes(4 << 20))
        phone.cut_after(1 << 20)
        return await bridge("ask", "What is it?", env=stage.env)


async def a_picture_that_does_not_decode(stage: Stage) -> Done:
    whole = Path(stage.picture).read_bytes()
    path = stage.folder / "cut.jpg"
    path.write_bytes(whole[: len(whole) // 2])
    return await bridge("ask", "What is it?", "--picture", str(path), env=stage.env)


async def a_key_that_is_not_the_hosts(stage: Stage) -> Done:
    record = read_host_record(Path(stage.env["BRIDGE_STATE_DIR"]))
    assert record is not None
    words = ("ask", "What is it?", "--picture", stage.picture, "--host-url", record.url)
    return await bridge(*words, env={**stage.env, "BRIDGE_TOKEN": "wrong"})


async def an_installation_that_is_broken(stage: Stage) -> Done:
    (stage.folder / "httpx.py").write_text("raise RuntimeError('half an update')\n", encoding="utf-8")
    return await bridge("status", env={**stage.env, "PYTHONPATH": str(stage.folder)})


async def a_phone_that_hangs(stage: Stage) -> Done:
    async with stage.phone() as phone:
        with phone.hanging():
            return await bridge("ask", "What is it?", "--timeout", "2", env=stage.env)


async def ctrl_c_in_the_middle_of_an_answer(stage: Stage) -> Done:
    engine = ScriptedEngine()
    engine.say("It is")
    async with serving(stage.folder, engine) as host:
        slow = {**stage.env, "BRIDGE_HOST_URL": host.url, "BRIDGE_TOKEN": host.token}
        async with running("ask", "What is it?", "--picture", stage.picture, "--json", env=slow) as asking:
            await asking.until(event="delta")
            return await asking.end(signal.SIGINT)


WAYS: dict[int, Way] = {
    0: all_is_well,
    1: a_check_of_the_doctor_fails,
    2: a_file_that_is_no_picture,
    3: a_serial_that_nobody_has,
    4: a_phone_that_was_not_asked,
    5: a_port_where_no_adb_server_is,
    6: a_host_that_is_not_there,
    7: a_phone_unplugged_while_its_picture_is_read,
    9: a_picture_that_does_not_decode,
    10: a_key_that_is_not_the_hosts,
    70: an_installation_that_is_broken,
    124: a_phone_that_hangs,
    130: ctrl_c_in_the_middle_of_an_answer,
}


@pytest.mark.parametrize("code", documented())
async def test_every_documented_exit_code_comes_with_its_next_step(code: int, stage: Stage) -> None:
    done = await WAYS[code](stage)

    assert done.code == code, done
    assert "Traceback" not in done.err
    if code:
        assert done.hint, done.err
