"""What any `Transport` must do. A test class derives from `TransportSuite`, or from the parts its transport has.

It gives the fixtures `transport`, and for `LossChecks` also `unplug` and `hanging`. `ROOM` is a folder on the phone
that the checks may fill; it need not exist.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from pathlib import Path
from typing import ClassVar

import pytest

from bridge.adb.transport import Transport
from bridge.errors import DeadlinePassed, DeviceLost, DeviceUnusable

PATIENCE = 10.0
SIZES = (0, 1, 65_535, 65_536, 65_537, (1 << 20) + 1, 3_000_000)
HOSTILE_NAMES = (
    b"a b",
    b"$(id)",
    b"`id`",
    b";reboot",
    b"-rf",
    b"new\nline",
    b"quo'te",
    b'dou"ble',
    b"back\\slash",
    "\u202egpj.exe".encode(),
    "中文 🙂.jpg".encode(),
    b"\xff\xfe\xc3.jpg",
    b"x" * 255,
    b"...",
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Checks:
    ROOM: ClassVar[str] = "/sdcard/Download/conformance"

    @pytest.fixture
    async def transport(self) -> Transport:
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """An empty folder of the laptop."""
        folder = tmp_path / "pulled"
        folder.mkdir()
        return folder


class FileChecks(Checks):
    async def test_a_file_of_any_size_comes_back_as_it_was_sent(self, transport: Transport, folder: Path) -> None:
        for size in SIZES:
            data, place = os.urandom(size), folder / str(size)
            await transport.push(data, f"{self.ROOM}/file")
            found = await transport.stat(f"{self.ROOM}/file")
            assert found is not None
            assert (stat.S_ISREG(found.mode), found.size) == (True, size)
            pulled = await transport.pull(f"{self.ROOM}/file", place, limit=size)
            assert (pulled.size, pulled.sha256) == (size, hashlib.sha256(data).hexdigest())
            assert pulled.mtime == found.mtime
            assert place.read_bytes() == data
        assert names_in(folder) == sorted(map(str, SIZES))

    async def test_a_push_replaces_what_was_there(self, transport: Transport, folder: Path) -> None:
        for data in (b"long long ago", b"now"):
            await transport.push(data, f"{self.ROOM}/again")
        await transport.pull(f"{self.ROOM}/again", folder / "x", limit=100)
        assert (folder / "x").read_bytes() == b"now"

    async def test_any_name_is_just_a_name(self, transport: Transport, folder: Path) -> None:
        for size, name in enumerate(HOSTILE_NAMES):
            await transport.push(b"x" * size, f"{self.ROOM}/names/{os.fsdecode(name)}")
        entries = await transport.list(f"{self.ROOM}/names")
        assert {entry.name: entry.stat.size for entry in entries} == {n: size for size, n in enumerate(HOSTILE_NAMES)}
        for entry in entries:
            path = os.fsencode(f"{self.ROOM}/names/") + entry.name
            assert await transport.stat(path) == entry.stat
            place = folder / str(entry.stat.size)
            assert (await transport.pull(path, place, limit=entry.stat.size)).size == entry.stat.size

    async def test_what_is_not_there_is_told_so(self, transport: Transport, folder: Path) -> None:
        assert await transport.stat(f"{self.ROOM}/nothing") is None
        assert await transport.list(f"{self.ROOM}/nothing") == []
        with pytest.raises(DeviceUnusable):
            await transport.pull(f"{self.ROOM}/nothing", folder / "x", limit=100)
        assert names_in(folder) == []

    async def test_a_folder_is_listed_without_itself_and_is_no_file(self, transport: Transport, folder: Path) -> None:
        for name in "abc":
            await transport.push(name.encode(), f"{self.ROOM}/folder/{name}")
        assert sorted(entry.name for entry in await transport.list(f"{self.ROOM}/folder")) == [b"a", b"b", b"c"]
        found = await transport.stat(f"{self.ROOM}/folder")
        assert found is not None
        assert stat.S_ISDIR(found.mode)
        with pytest.raises(DeviceUnusable):
            await transport.pull(f"{self.ROOM}/folder", folder / "x", limit=1 << 20)
        assert names_in(folder) == []

    async def test_limits_are_kept(self, transport: Transport, folder: Path) -> None:
        for name in "abc":
            await transport.push(b"12345", f"{self.ROOM}/limits/{name}")
        with pytest.raises(DeviceUnusable):
            await transport.pull(f"{self.ROOM}/limits/a", folder / "x", limit=4)
        with pytest.raises(DeviceUnusable):
            await transport.list(f"{self.ROOM}/limits", limit=2)
        assert names_in(folder) == []
        assert (await transport.pull(f"{self.ROOM}/limits/a", folder / "x", limit=5)).size == 5

    async def test_a_file_on_the_laptop_is_never_overwritten(self, transport: Transport, folder: Path) -> None:
        await transport.push(b"theirs", f"{self.ROOM}/theirs")
        (folder / "mine").write_bytes(b"mine")
        with pytest.raises(FileExistsError):
            await transport.pull(f"{self.ROOM}/theirs", folder / "mine", limit=100)
        assert (folder / "mine").read_bytes() == b"mine"

    async def test_a_push_to_an_impossible_place_is_refused_in_words(self, transport: Transport) -> None:
        await transport.push(b"", f"{self.ROOM}/plain")
        with pytest.raises(DeviceUnusable) as caught:
            await transport.push(b"x", f"{self.ROOM}/plain/below")
        assert caught.value.message
        assert await transport.stat(f"{self.ROOM}/plain") is not None

    async def test_many_calls_at_once_do_not_mix(self, transport: Transport, folder: Path) -> None:
        async def one(number: int) -> None:
            data = bytes([number]) * (number * 20_000 + 1)
            await transport.push(data, f"{self.ROOM}/many/{number}")
            pulled = await transport.pull(f"{self.ROOM}/many/{number}", folder / str(number), limit=1 << 20)
            assert pulled.sha256 == hashlib.sha256(data).hexdigest()

        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(one(number))


class ShellChecks(Checks):
    async def test_arguments_arrive_exactly(self, transport: Transport) -> None:
        arguments = [os.fsdecode(name) for name in (*HOSTILE_NAMES, b"", b"*", b"~", b"A=b", b"#", b"\\'\\", b"\n")]
        result = await transport.shell(["printf", "%s\\0", *arguments])
        assert result.stdout == b"".join(os.fsencode(one) + b"\0" for one in arguments)

    async def test_the_exit_code_is_the_commands_own(self, transport: Transport) -> None:
        for code in (0, 1, 7, 255):
            assert (await transport.shell(["sh", "-c", f"exit {code}"])).exit_code == code

    async def test_output_and_errors_come_apart_where_the_daemon_can(self, transport: Transport) -> None:
        result = await transport.shell(["sh", "-c", "echo out; echo err >&2"])
        if "shell_v2" in transport.features:
            assert (result.stdout, result.stderr) == (b"out\n", b"err\n")
        else:
            assert sorted((result.stdout + result.stderr).split()) == [b"err", b"out"]

    async def test_output_is_binary_clean_and_needs_no_last_line_end(self, transport: Transport) -> None:
        everything = bytes(range(256)) * 300
        await transport.push(everything, f"{self.ROOM}/bytes")
        assert (await transport.shell(["cat", f"{self.ROOM}/bytes"])).stdout == everything

    async def test_a_command_that_reads_gets_an_end_at_once(self, transport: Transport) -> None:
        assert (await transport.shell(["cat"], deadline=PATIENCE)).stdout == b""

    async def test_no_command_leaves_a_trace_in_the_next(self, transport: Transport) -> None:
        before = await transport.shell(["pwd"])
        for argv in (["cd", "/data/local/tmp"], ["exit", "3"], ["umask", "777"], ["set", "-e"], ["false"]):
            await transport.shell(argv)
        assert await transport.shell(["pwd"]) == before

    async def test_a_command_that_kills_its_shell_does_not_kill_the_next(self, transport: Transport) -> None:
        result = await transport.shell(["sh", "-c", "kill -9 $PPID; sleep 0.1; exit 1"])
        assert result.exit_code != 0
        assert (await transport.shell(["echo", "next"])).stdout == b"next\n"

    async def test_too_much_output_is_an_error_and_the_next_command_works(self, transport: Transport) -> None:
        with pytest.raises(DeviceUnusable):
            await transport.shell(["cat", "/dev/zero"], limit=1_000, deadline=PATIENCE)
        exactly = await transport.shell(["head", "-c", "1000", "/dev/zero"], limit=1_000, deadline=PATIENCE)
        assert len(exactly.stdout) == 1_000

    async def test_a_command_that_hangs_ends_at_its_deadline_and_the_next_works(self, transport: Transport) -> None:
        started = asyncio.get_running_loop().time()
        with pytest.raises(DeadlinePassed):
            await transport.shell(["sleep", "100"], deadline=0.3)
        assert asyncio.get_running_loop().time() - started < 2
        assert (await transport.shell(["echo", "next"])).stdout == b"next\n"

    async def test_commands_at_once_do_not_wait_for_a_slow_one_nor_mix(self, transport: Transport) -> None:
        async with asyncio.TaskGroup() as group:
            slow = group.create_task(transport.shell(["sleep", "100"], deadline=100))
            quick = [group.create_task(transport.shell(["echo", str(n)], deadline=PATIENCE)) for n in range(8)]
            for number, task in enumerate(quick):
                assert (await task).stdout == f"{number}\n".encode()
            slow.cancel()

    async def test_lines_come_as_they_are_printed(self, transport: Transport) -> None:
        script = 'echo one; read x <"$0"; echo two; printf three'
        await transport.push(b"go\n", f"{self.ROOM}/go")
        async with (
            asyncio.timeout(PATIENCE),
            aclosing(transport.lines(["sh", "-c", script, f"{self.ROOM}/go"])) as lines,
        ):
            assert [line async for line in lines] == [b"one", b"two", b"three"]

    async def test_closing_the_lines_ends_the_command(self, transport: Transport) -> None:
        path = f"{self.ROOM}/heartbeat"
        script = 'echo ready; while echo x >>"$0"; do sleep 0.02; done'
        await transport.push(b"", path)
        async with asyncio.timeout(PATIENCE):
            async with aclosing(transport.lines(["sh", "-c", script, path])) as lines:
                assert await anext(lines) == b"ready"
            sizes = [-1, 0]
            while sizes[-1] != sizes[-2]:
                await asyncio.sleep(0.15)  # several heartbeats
                found = await transport.stat(path)
                sizes.append(found.size if found else 0)

    async def test_lines_of_a_missing_command_are_an_error(self, transport: Transport) -> None:
        if "shell_v2" not in transport.features:
            pytest.skip("only shell v2 tells how a command ended")
        with pytest.raises(DeviceUnusable, match="127"):
            await anext(transport.lines(["no-such-command"]))


class TunnelChecks(Checks):
    async def remotes(self, transport: Transport) -> dict[str, str]:
        return {entry.remote: entry.local for entry in await transport.reverse_list()}

    async def test_a_reverse_is_listed_replaced_and_removed_by_port(self, transport: Transport) -> None:
        await transport.reverse("tcp:localhost:18017", "tcp:1")
        await transport.reverse("tcp:localhost:18017", "tcp:1")
        assert await self.remotes(transport) == {"tcp:18017": "tcp:1"}
        await transport.reverse("tcp:localhost:18017", "tcp:2")
        assert await self.remotes(transport) == {"tcp:18017": "tcp:2"}
        await transport.reverse_remove("tcp:localhost:18017")
        assert await self.remotes(transport) == {}

    async def test_removing_what_is_not_there_is_fine_and_others_stay(self, transport: Transport) -> None:
        await transport.reverse("tcp:localhost:18018", "tcp:3")
        await transport.reverse_remove("tcp:localhost:18019")
        assert await self.remotes(transport) == {"tcp:18018": "tcp:3"}

    async def test_norebind_leaves_another_owner_alone(self, transport: Transport) -> None:
        await transport.reverse("tcp:localhost:18018", "tcp:3", norebind=True)
        with pytest.raises(DeviceUnusable):
            await transport.reverse("tcp:localhost:18018", "tcp:4", norebind=True)
        assert await self.remotes(transport) == {"tcp:18018": "tcp:3"}


class LossChecks(Checks):
    @pytest.fixture
    def unplug(self) -> Callable[[], Awaitable[None]]:
        """Take the phone away; returns when that is noticed."""
        raise NotImplementedError

    @pytest.fixture
    def hanging(self) -> Callable[[], AbstractContextManager[None]]:
        """Inside, the phone is connected and answers nothing."""
        raise NotImplementedError

    @staticmethod
    def verbs(transport: Transport, folder: Path, deadline: float) -> dict[str, Callable[[], Awaitable[object]]]:
        return {
            "shell": lambda: transport.shell(["true"], deadline=deadline),
            "stat": lambda: transport.stat("/sdcard", deadline=deadline),
            "list": lambda: transport.list("/sdcard", deadline=deadline),
            "pull": lambda: transport.pull("/sdcard/x", folder / "x", limit=10, deadline=deadline),
            "push": lambda: transport.push(b"x", "/sdcard/x", deadline=deadline),
            "reverse": lambda: transport.reverse("tcp:localhost:18020", "tcp:1", deadline=deadline),
            "reverse_list": lambda: transport.reverse_list(deadline=deadline),
            "reverse_remove": lambda: transport.reverse_remove("tcp:localhost:18020", deadline=deadline),
        }

    async def warm_up(self, transport: Transport) -> None:
        """Let kept connections exist, which is the harder case."""
        await transport.shell(["true"])
        await transport.push(b"x", "/sdcard/x")

    @pytest.mark.parametrize("warm", [False, True])
    async def test_every_verb_says_that_the_phone_is_gone(
        self, transport: Transport, unplug: Callable[[], Awaitable[None]], folder: Path, warm: bool
    ) -> None:
        if warm:
            await self.warm_up(transport)
        await unplug()
        for name, call in self.verbs(transport, folder, PATIENCE).items():
            with pytest.raises(DeviceLost) as caught:
                await call()
            assert caught.value.hint, name
        with pytest.raises(DeviceLost):
            await anext(transport.lines(["echo", "x"]))

    async def test_what_is_in_progress_ends_when_the_phone_goes(
        self, transport: Transport, unplug: Callable[[], Awaitable[None]]
    ) -> None:
        async def follow() -> None:
            async with aclosing(transport.lines(["sh", "-c", "echo ready; sleep 100"])) as lines:
                assert await anext(lines) == b"ready"
                started.set()
                with pytest.raises(DeviceLost):
                    await anext(lines)

        async def wait() -> None:
            with pytest.raises(DeviceLost):
                await transport.shell(["sleep", "100"], deadline=100)

        started = asyncio.Event()
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            group.create_task(wait())
            group.create_task(follow())
            await started.wait()
            await unplug()

    @pytest.mark.parametrize("warm", [False, True])
    async def test_every_verb_ends_at_its_deadline_and_works_again_later(
        self,
        transport: Transport,
        hanging: Callable[[], AbstractContextManager[None]],
        folder: Path,
        warm: bool,
    ) -> None:
        if warm:
            await self.warm_up(transport)
        with hanging():
            for name, call in self.verbs(transport, folder, 0.1).items():
                started = asyncio.get_running_loop().time()
                with pytest.raises(DeadlinePassed) as caught:
                    await call()
                assert caught.value.hint, name
                assert asyncio.get_running_loop().time() - started < 1, name
        await self.warm_up(transport)
        await transport.reverse_list()
        assert names_in(folder) == []

    async def test_closing_twice_is_fine_and_afterwards_every_verb_is_refused(
        self, transport: Transport, folder: Path
    ) -> None:
        await self.warm_up(transport)
        await transport.close()
        await transport.close()
        for call in self.verbs(transport, folder, PATIENCE).values():
            with pytest.raises(DeviceLost):
                await call()


class TransportSuite(FileChecks, ShellChecks, TunnelChecks, LossChecks):
    """All of it."""
