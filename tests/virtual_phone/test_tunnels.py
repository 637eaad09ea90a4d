"""forward and reverse: through the adb server, to the phone's own address and nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from tests.support.adb_client import Adb, RefusedError, service
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import VirtualPhone
from virtual_phone.services.connect import abstract_path


@contextlib.asynccontextmanager
async def _server(answer: bytes, host: str = "127.0.0.1") -> AsyncGenerator[int]:
    """A server that says who it is, then repeats what it hears; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _ask(host: str, port: int, expected: int) -> bytes:
    """What the first `expected` bytes from there are; fewer when it closes."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(5):
            return await reader.readexactly(expected)
    except asyncio.IncompleteReadError as error:
        return error.partial
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _port(phone: VirtualPhone) -> int:
    (name,) = phone.reverse_listeners
    return int(name.removeprefix("tcp:"))


async def test_the_phone_reaches_the_laptop_through_its_own_port(adb: Adb, virtual_phone: VirtualPhone) -> None:
    async with _server(b"laptop") as port:
        assert (await adb("reverse", "tcp:8017", f"tcp:{port}")).stdout == "8017\n"
        assert virtual_phone.reverse_listeners == {"tcp:8017": f"tcp:{port}"}
        assert await _ask(virtual_phone.loopback, 8017, 6) == b"laptop"
        done = await adb("shell", "{ sleep 0.1; } | nc localhost 8017 | head -c 6")
        assert done.stdout == "laptop"


async def test_much_data_goes_both_ways_at_once(adb: Adb, virtual_phone: VirtualPhone) -> None:
    data = bytes(range(256)) * 8_000
    async with _server(b"") as port:
        await adb("reverse", "tcp:0", f"tcp:{port}")
        reader, writer = await asyncio.open_connection(virtual_phone.loopback, _port(virtual_phone))
        writer.write(data)
        async with asyncio.timeout(10):
            assert await reader.readexactly(len(data)) == data
        writer.close()
        await writer.wait_closed()


async def test_a_listener_on_localhost_is_listed_by_its_port(
    adb: Adb, adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with _server(b"laptop") as port:
        forward = f"reverse:forward:tcp:localhost:8017;tcp:{port}"
        async with service(adb_server, virtual_phone.address, forward) as (reader, _):
            assert await reader.read() == b"OKAY00048017"
        assert await _ask(virtual_phone.loopback, 8017, 6) == b"laptop"
        assert (await adb("reverse", "--list")).stdout.split()[1:] == ["tcp:8017", f"tcp:{port}"]
        async with service(adb_server, virtual_phone.address, forward) as (reader, _):
            assert await reader.read() == b"FAIL002ccannot bind listener: Address already in use"


async def test_a_listener_is_led_elsewhere_unless_that_is_forbidden(adb: Adb, virtual_phone: VirtualPhone) -> None:
    async with _server(b"first") as first, _server(b"other") as other:
        await adb("reverse", "tcp:8017", f"tcp:{first}")
        refused = await adb("reverse", "--no-rebind", "tcp:8017", f"tcp:{other}")
        assert (refused.returncode, "cannot rebind" in refused.stderr) == (1, True)
        assert await _ask(virtual_phone.loopback, 8017, 5) == b"first"
        assert (await adb("reverse", "tcp:8017", f"tcp:{other}")).returncode == 0
        assert await _ask(virtual_phone.loopback, 8017, 5) == b"other"


async def test_listeners_are_removed_one_by_one_and_all(adb: Adb, virtual_phone: VirtualPhone) -> None:
    for port in (8017, 8018, 8019):
        await adb("reverse", f"tcp:{port}", "tcp:9")
    await adb("reverse", "--remove", "tcp:8017")
    assert virtual_phone.reverse_listeners.keys() == {"tcp:8018", "tcp:8019"}
    with pytest.raises(ConnectionRefusedError):
        await _ask(virtual_phone.loopback, 8017, 1)
    missing = await adb("reverse", "--remove", "tcp:8017")
    assert "listener 'tcp:8017' not found" in missing.stderr
    await adb("reverse", "--remove-all")
    assert virtual_phone.reverse_listeners == {}


async def test_an_abstract_name_is_the_phones_own(
    adb: Adb, adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with _server(b"laptop") as port:
        await adb("reverse", "localabstract:door", f"tcp:{port}")
        async with service(adb_server, virtual_phone.address, "localabstract:door") as (reader, _):
            assert await reader.readexactly(6) == b"laptop"
        assert abstract_path(virtual_phone.loopback, "door") != abstract_path("127.1.9.9", "door")
        with pytest.raises(RefusedError):
            async with service(adb_server, virtual_phone.address, "localabstract:window"):
                pass


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("forward:tcp:1", "bad forward"),
        ("forward:;tcp:1", "bad forward"),
        ("forward:tcp:1;*x", "bad forward"),
        ("forward:tcp:1;tcp:2;tcp:3", "bad forward"),
        ("forward:tcp:99999;tcp:1", "unsupported address"),
        ("forward:tcp:0.0.0.0:80;tcp:1", "unsupported address"),
        ("forward:tcp:localhost:0;tcp:1", "unsupported address"),
        ("forward:localfilesystem:/x;tcp:1", "unsupported address"),
        ("forward:localabstract:;tcp:1", "unsupported address"),
    ],
)
async def test_what_cannot_listen_is_refused_with_words(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, command: str, reason: str
) -> None:
    async with service(adb_server, virtual_phone.address, f"reverse:{command}") as (reader, _):
        answer = (await reader.read()).decode()
    assert answer.startswith("FAIL")
    assert reason in answer
    assert int(answer[4:8], 16) == len(answer) - 8


async def test_a_connection_to_a_closed_laptop_port_closes(adb: Adb, virtual_phone: VirtualPhone) -> None:
    async with _server(b"") as port:
        pass
    await adb("reverse", "tcp:8017", f"tcp:{port}")
    assert await _ask(virtual_phone.loopback, 8017, 1) == b""


async def test_the_adb_server_outlives_a_second_listener_on_a_free_port(
    adb: Adb, adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    """The server remembers one destination for `tcp:0`; opening the first one's would end it, with all devices."""
    async with _server(b"first") as first, _server(b"other") as other:
        await adb("reverse", "tcp:0", f"tcp:{first}")
        one = _port(virtual_phone)
        await adb("reverse", "tcp:0", f"tcp:{other}")
        (two,) = (int(name[4:]) for name in virtual_phone.reverse_listeners if name != f"tcp:{one}")
        assert await _ask(virtual_phone.loopback, one, 5) == b""
        assert await _ask(virtual_phone.loopback, two, 5) == b"other"
        assert (await adb("shell", "echo alive")).stdout == "alive\n"
        assert adb_server.pid


async def test_the_laptop_reaches_a_server_on_the_phone(
    adb: Adb, adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with _server(b"phone", virtual_phone.loopback) as port:
        local = int((await adb("forward", "tcp:0", f"tcp:{port}")).stdout)
        assert await _ask("127.0.0.1", local, 5) == b"phone"
        async with service(adb_server, virtual_phone.address, f"tcp:{port}:localhost") as (reader, _):
            assert await reader.readexactly(5) == b"phone"


async def test_no_server_of_the_laptop_or_another_machine_is_reached(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    async with _server(b"laptop") as port:
        for target in (f"tcp:{port}", f"tcp:{port}:127.0.0.1", f"tcp:{port}:example.org", "tcp:x", "tcp:70000"):
            with pytest.raises(RefusedError):
                async with service(adb_server, virtual_phone.address, target):
                    pass
