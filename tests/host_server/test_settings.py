"""What a host is started with."""

import socket
from pathlib import Path
from typing import Any

import pytest

from host_server.engines.options import EngineOptions
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


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_devices_are_named_as_torch_names_them(device: str) -> None:
    assert _read(options=EngineOptions(device=device)).options.device == device


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (EngineOptions(device="gpu0"), "'gpu0' is no device"),
        (EngineOptions(revision="../../etc"), "no revision"),
        (EngineOptions(revision="--force"), "no revision"),
        (EngineOptions(upstreams=("ftp://127.0.0.1",)), "no address of a server"),
        (EngineOptions(upstreams=("127.0.0.1:8000",)), "no address of a server"),
        (EngineOptions(upstreams=("http://",)), "no address of a server"),
        (EngineOptions(upstreams=("http://[::1/v1",)), "no address of a server"),
        (EngineOptions(upstreams=("http://h:99999",)), "no address of a server"),
        (EngineOptions(upstreams=("adb:emulator-5554:8080",)), "knows no phones"),
    ],
)
def test_options_that_mean_nothing_are_explained(options: EngineOptions, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        _read(options=options, engines=("upstream=m",))
    assert caught.value.hint


def test_an_upstream_needs_an_engine_that_asks_it() -> None:
    options = EngineOptions(upstreams=("http://127.0.0.1:8000/v1",))

    assert _read(options=options, engines=("upstream=m",)).options == options
    with pytest.raises(SettingsError, match="No engine asks") as caught:
        _read(options=options, engines=("echo",))
    assert "--engine upstream=MODEL" in caught.value.hint


def test_the_key_of_an_upstream_is_a_variable_and_never_repeated() -> None:
    options = EngineOptions(upstream_key_env="sk-secret")

    with pytest.raises(SettingsError) as caught:
        _read(options=options)
    assert "sk-secret" not in caught.value.message + caught.value.hint
    assert _read({"sk-secret": "k"}, options=options).options == options
