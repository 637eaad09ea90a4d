"""A connection, its end and its faults, as a host sees them packet by packet."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.raw_host import RawHost
from tests.support.rsa_key import public_key, sign
from virtual_phone import LoopbackTakenError, SandboxError, VirtualPhone
from virtual_phone.packets import Verb


@pytest.fixture
async def phone(photos: Path) -> AsyncIterator[VirtualPhone]:
    """A phone that no adb server knows."""
    async with VirtualPhone(photos, capture_pause=0.02) as phone:
        yield phone


@pytest.fixture
async def host(phone: VirtualPhone) -> AsyncIterator[RawHost]:
    """A host connected to it."""
    async with RawHost(phone.port) as host:
        await host.connect()
        yield host


async def test_the_banner_names_the_phone_and_its_features(phone: VirtualPhone) -> None:
    async with RawHost(phone.port) as host:
        hello = await host.connect()
    assert hello is not None
    assert hello.verb == Verb.CNXN
    assert hello.payload.startswith(b"device::ro.product.name=vphone;ro.product.model=Virtual_Phone;")
    assert b"shell_v2,cmd,stat_v2" in hello.payload


async def test_features_and_properties_can_be_those_of_an_older_phone(photos: Path) -> None:
    old = VirtualPhone(photos, features=("cmd",), properties={"ro.product.model": "Old"}, serial="OLD1")
    async with old, RawHost(old.port) as host:
        hello = await host.connect()
        assert hello is not None
        assert hello.payload.endswith(b"features=cmd")
        assert b"ro.product.model=Old;" in hello.payload
        assert await host.ask("shell:getprop ro.product.model; getprop ro.serialno") == b"Old\nOLD1\n"


async def test_data_flows_with_delayed_acknowledgements_too(phone: VirtualPhone) -> None:
    async with RawHost(phone.port) as host:
        await host.connect("shell_v2,delayed_ack")
        answer = await host.ask("exec:head -c 3000000 /dev/zero", window=1 << 20)
    assert answer == bytes(3_000_000)


@pytest.mark.parametrize("noise", [bytes(24), b"GET / HTTP/1.1\r\nHost: phone\r\n\r\n"])
async def test_what_is_no_adb_is_hung_up_on(phone: VirtualPhone, noise: bytes) -> None:
    async with RawHost(phone.port) as host:
        host.send_bytes(noise)
        assert await host.receive() is None


async def test_a_host_that_sends_beyond_the_window_is_hung_up_on(host: RawHost) -> None:
    host.send(Verb.OPEN, 1, 0, b"exec:sleep 60\0")
    accepted = await host.receive()
    assert accepted is not None
    for _ in range(3):
        host.send(Verb.WRTE, 1, accepted.arg0, bytes(1 << 20))
    while (packet := await host.receive()) is not None:
        assert packet.verb == Verb.OKAY


async def test_the_framebuffer_is_sent_once_with_its_header(host: RawHost) -> None:
    answer = await host.ask("framebuffer:")
    header = struct.unpack_from("<14I", answer)
    assert header[:6] == (2, 32, 1, 1080 * 2400 * 4, 1080, 2400)
    assert len(answer) == 14 * 4 + header[3]


async def test_connections_and_listeners_have_a_limit(phone: VirtualPhone, host: RawHost) -> None:
    for _ in range(64):
        assert (await host.ask("reverse:forward:tcp:0;tcp:1")).startswith(b"OKAY")
    assert b"64 listeners are open" in await host.ask("reverse:forward:tcp:0;tcp:1")
    async with contextlib.AsyncExitStack() as stack:
        others = [await stack.enter_async_context(RawHost(phone.port)) for _ in range(16)]
        answers = [await other.connect() for other in others]
    assert [answer is not None for answer in answers] == [True] * 15 + [False]


async def test_an_unknown_reverse_request_is_refused(host: RawHost) -> None:
    assert await host.ask("reverse:explode") == b"FAIL0020not a reverse forwarding command"


async def test_a_host_that_starts_over_finds_no_listener_of_before(phone: VirtualPhone, host: RawHost) -> None:
    assert (await host.ask("reverse:forward:tcp:8017;tcp:1")).startswith(b"OKAY")
    assert phone.reverse_listeners == {"tcp:8017": "tcp:1"}
    hello = await host.connect()
    assert hello is not None
    assert hello.verb == Verb.CNXN
    assert phone.reverse_listeners == {}


async def test_a_listener_whose_destination_the_host_forgot_leads_nowhere(phone: VirtualPhone, host: RawHost) -> None:
    """`killforward:tcp:0` is forgotten by the host under that name, while the listener has its port's name."""
    await host.ask("reverse:forward:tcp:0;tcp:1")
    assert (await host.ask("reverse:killforward:tcp:0")).startswith(b"FAIL")
    (name,) = phone.reverse_listeners
    reader, writer = await asyncio.open_connection(phone.loopback, int(name.removeprefix("tcp:")))
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert await host.ask("exec:echo alive") == b"alive\n"


async def test_listeners_end_with_their_connection(phone: VirtualPhone, host: RawHost) -> None:
    await host.ask("reverse:forward:tcp:8017;tcp:1")
    await phone.unplug()
    assert phone.reverse_listeners == {}
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(phone.loopback, 8017)


async def test_an_unplugged_phone_is_not_there_and_comes_back_at_the_same_address(phone: VirtualPhone) -> None:
    address = phone.address
    async with phone.unplugged():
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", phone.port)
    assert phone.address == address
    async with RawHost(phone.port) as host:
        assert await host.connect() is not None


async def test_unplugging_and_replugging_twice_is_fine(phone: VirtualPhone) -> None:
    await phone.unplug()
    await phone.unplug()
    await phone.replug()
    await phone.replug()
    async with RawHost(phone.port) as host:
        assert await host.connect() is not None


async def test_a_hanging_phone_answers_when_it_wakes(phone: VirtualPhone) -> None:
    async with RawHost(phone.port) as before, RawHost(phone.port) as meanwhile:
        await before.connect()
        with phone.hanging():
            before.send(Verb.OPEN, 1, 0, b"exec:echo awake\0")
            meanwhile.send(Verb.CNXN, 0x01000001, 1 << 20, b"host::")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await before.receive()
        assert await meanwhile.receive() is not None
        accepted = await before.receive()
        assert accepted is not None
        assert accepted.verb == Verb.OKAY


async def test_what_a_command_says_while_the_phone_hangs_comes_later(phone: VirtualPhone, host: RawHost) -> None:
    host.send(Verb.OPEN, 1, 0, b"exec:echo one; while [ ! -e /sdcard/go ]; do sleep 0.01; done; echo two\0")
    said = b""
    while said != b"one\n":
        packet = await host.receive()
        assert packet is not None
        said += packet.payload
    with phone.hanging():
        (phone.storage / "go").touch()
        host.send(Verb.OKAY, 1, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await host.receive()
    later = await host.receive()
    assert later is not None
    assert later.payload == b"two\n"


async def test_a_hanging_phone_can_be_unplugged_and_switched_off(photos: Path) -> None:
    phone = VirtualPhone(photos)
    async with phone, RawHost(phone.port) as host:
        with phone.hanging():
            host.send(Verb.CNXN, 0x01000001, 1 << 20, b"host::")
            async with asyncio.timeout(5):
                await phone.unplug()
        assert await host.receive() is None


async def test_a_connection_is_cut_in_the_middle_of_an_answer(phone: VirtualPhone, host: RawHost) -> None:
    phone.cut_after(1_000_000)
    answer = await host.ask("exec:head -c 5000000 /dev/zero")
    assert len(answer) < 5_000_000
    assert await host.receive() is None


async def test_a_rebooting_phone_is_away_then_boots_then_has_booted(phone: VirtualPhone, host: RawHost) -> None:
    await host.ask("exec:setprop debug.x 1; am start -a android.media.action.STILL_IMAGE_CAMERA")
    rebooting = asyncio.get_running_loop().create_task(phone.reboot(down=0.1))
    assert await host.receive() is None
    await asyncio.wait_for(rebooting, 5)
    async with RawHost(phone.port) as again:
        await again.connect()
        answer = await again.ask("exec:getprop sys.boot_completed; getprop debug.x; dumpsys window windows")
    assert answer.startswith(b"1\n\n")
    assert b"launcher" in answer


async def test_reboot_on_the_phone_and_by_service_cuts_the_connection(phone: VirtualPhone) -> None:
    for service in ("exec:reboot; sleep 60", "reboot:"):
        async with RawHost(phone.port) as host:
            await host.connect()
            await host.ask(service)
            assert await host.receive() is None
        await phone.replug()  # without waiting for the second the phone would take


class TestAuthorization:
    async def test_an_unknown_host_waits_until_somebody_taps_allow(self, photos: Path) -> None:
        phone = VirtualPhone(photos, authorized=False)
        async with phone, RawHost(phone.port) as host:
            token = await host.connect()
            assert token is not None
            assert (token.verb, token.arg0, len(token.payload)) == (Verb.AUTH, 1, 20)
            host.send(Verb.AUTH, 2, 0, sign(token.payload))
            again = await host.receive()
            assert again is not None
            assert again.payload != token.payload
            host.send(Verb.AUTH, 3, 0, public_key())
            host.send(Verb.AUTH, 2, 0, bytes(256))  # its answer says that the key has arrived
            assert await host.receive() is not None
            phone.allow_debugging()
            hello = await host.receive()
            assert hello is not None
            assert hello.verb == Verb.CNXN

            async with RawHost(phone.port) as second:
                token = await second.connect()
                assert token is not None
                second.send(Verb.AUTH, 2, 0, sign(token.payload))
                hello = await second.receive()
                assert hello is not None
                assert hello.verb == Verb.CNXN, "the key is remembered"

    async def test_allowing_nobody_changes_nothing(self, photos: Path) -> None:
        phone = VirtualPhone(photos, authorized=False)
        async with phone, RawHost(phone.port) as host:
            assert await host.connect() is not None
            phone.allow_debugging()
            host.send(Verb.OPEN, 1, 0, b"shell:\0")
            host.send(Verb.AUTH, 2, 0, bytes(256))
            packet = await host.receive()
            assert packet is not None
            assert packet.verb == Verb.AUTH


class TestStarting:
    async def test_a_sandbox_that_is_not_there_is_an_error_and_leaves_nothing(self, photos: Path) -> None:
        phone = VirtualPhone(photos, sandbox="nonsense")
        with pytest.raises(SandboxError, match="no such sandbox"):
            await phone.start()
        async with VirtualPhone(photos, index=4_321):
            pass

    async def test_a_loopback_address_belongs_to_one_phone_at_a_time(self, photos: Path) -> None:
        async with VirtualPhone(photos, index=4_321) as first:
            assert first.loopback == "127.1.17.72"
            with pytest.raises(LoopbackTakenError, match="4321"):
                await VirtualPhone(photos, index=4_321).start()
        async with VirtualPhone(photos, index=4_321) as second:
            assert second.loopback == first.loopback

    @pytest.mark.parametrize("serial", ["", "-x", "a b", "x" * 64, "a\n"])
    def test_a_serial_is_a_plain_word(self, photos: Path, serial: str) -> None:
        with pytest.raises(ValueError, match="no serial number"):
            VirtualPhone(photos, serial=serial)

    async def test_a_phone_that_was_switched_off_can_be_switched_on(self, photos: Path) -> None:
        phone = VirtualPhone(photos)
        for _ in range(2):
            async with phone, RawHost(phone.port) as host:
                assert await host.connect() is not None

    async def test_a_given_root_keeps_its_pictures(self, photos: Path, tmp_path: Path) -> None:
        for _ in range(2):
            async with VirtualPhone(photos, root=tmp_path / "root", capture_pause=0) as phone:
                await phone.press_shutter()
        assert len(list((tmp_path / "root/storage/emulated/0/DCIM/Camera").iterdir())) == 2
