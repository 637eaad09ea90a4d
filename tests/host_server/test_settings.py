"""What a host is started with."""

import socket
from pathlib import Path
from typing import Any

import pytest

from host_server.settings import HostSettings, SettingsError


def _read(environ: dict[str, str] | None = None, **flags: Any) -> HostSettings:
    given = {
        "state": None,
        "engines": (),
        "host": "127.0.0.1",
        "port": 0,
        "names": (),
        "insecure_lan": False,
        "certfile": None,
        "keyfile": None,
        "exit_when_idle_s": None,
    }
    return HostSettings.read(environ or {}, **(given | flags))


def test_a_flag_goes_before_the_environment() -> None:
    environ = {"BRIDGE_STATE_DIR": "/from/environment"}

    assert _read(environ).state_dir == Path("/from/environment")
    assert _read(environ, state=Path("/from/flag")).state_dir == Path("/from/flag")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_permission(host: str) -> None:
    assert _read(host=host).host == host


def test_the_network_needs_tls_or_a_word() -> None:
    with pytest.raises(SettingsError, match="without TLS") as caught:
        _read(host="192.0.2.1")
    assert "--insecure-lan" in caught.value.hint
    assert _read(host="192.0.2.1", insecure_lan=True).insecure_lan
    assert _read(host="192.0.2.1", certfile="c.pem", keyfile="k.pem").certificate == ("c.pem", "k.pem")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_small_events_do_not_wait_for_each_other(host: str) -> None:
    with _read(host=host).bind() as listener, socket.create_connection(listener.getsockname()[:2], timeout=5):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_said() -> None:
    with _read().bind() as taken, pytest.raises(SettingsError, match="Cannot listen"):
        _read(port=taken.getsockname()[1]).bind()
