"""What `bridge.toml` of a folder may decide for whoever stands in that folder, and what not."""

import os
from pathlib import Path

import pytest

from bridge.config import load, origins
from bridge.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user stands; the user's own configuration is beside it."""
    place = tmp_path / "project"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment of its own."""
    (tmp_path / "config" / "lensbridge").mkdir(parents=True)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def user_says(environ: dict[str, str], text: str) -> None:
    (Path(environ["XDG_CONFIG_HOME"]) / "lensbridge" / "config.toml").write_text(text)


def test_the_nearest_place_wins_and_is_named(folder: Path, environ: dict[str, str]) -> None:
    user_says(environ, 'prompt = "user"\nmodel = "user"\nwatch = false\nphone_port = 9000\n')
    (folder / "bridge.toml").write_text('prompt = "folder"\nmodel = "folder"\nwatch = true\n')
    environ |= {"BRIDGE_PROMPT": "environment", "BRIDGE_MODEL": "environment"}

    settings = load(environ, prompt="flag", model=None)

    assert (settings.prompt, settings.model, settings.watch, settings.phone_port) == ("flag", "environment", True, 9000)
    named = origins(environ, prompt="flag")
    assert (named["prompt"], named["model"], named["watch"]) == ("flag", "environment", "bridge.toml")
    assert named["phone_port"].endswith("lensbridge/config.toml")


@pytest.mark.parametrize(
    "text", ["nonsense = 1", "phone_port = 80", "prompt = [", "watch = 'perhaps'", "prompt = " + "[" * 5000]
)
def test_what_makes_no_sense_is_said_with_its_place(folder: Path, environ: dict[str, str], text: str) -> None:
    (folder / "bridge.toml").write_text(text)

    with pytest.raises(UsageError, match=r"bridge\.toml") as caught:
        load(environ)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host_url", '"https://evil.example"'),
        ("token", '"mine"'),
        ("token_file", '"/home/user/.vault-token"'),
        ("state_dir", '"state"'),
        ("engine", '["ocr"]'),
    ],
)
def test_a_folder_does_not_say_where_keys_and_pictures_go(
    folder: Path, environ: dict[str, str], name: str, value: str
) -> None:
    user_says(environ, f"{name} = {value}")
    assert origins(environ)[name].endswith("config.toml")
    (folder / "bridge.toml").write_text(f"{name} = {value}")

    with pytest.raises(UsageError, match=name) as caught:
        load(environ)

    assert f"BRIDGE_{name.upper()}" in caught.value.hint


def test_a_folder_shows_a_page_of_its_own_and_no_other(folder: Path, environ: dict[str, str], tmp_path: Path) -> None:
    (folder / "bridge.toml").write_text('app = "web/app"')
    assert load(environ).app == Path("web/app")

    (folder / "link").symlink_to(tmp_path)
    for elsewhere in ("..", "/etc", "link/secrets", "web/../.."):
        (folder / "bridge.toml").write_text(f'app = "{elsewhere}"')
        with pytest.raises(UsageError, match="app"):
            load(environ)
    (folder / "bridge.toml").unlink()
    assert load(environ | {"BRIDGE_APP": "/etc"}).app == Path("/etc")


def test_a_file_that_others_may_write_decides_nothing(folder: Path, environ: dict[str, str]) -> None:
    (folder / "bridge.toml").write_text('prompt = "theirs"')
    (folder / "bridge.toml").chmod(0o666)

    with pytest.raises(UsageError, match="another user"):
        load(environ)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_decides_nothing(folder: Path, environ: dict[str, str]) -> None:
    (folder / "bridge.toml").write_text('prompt = "theirs"')
    os.chown(folder / "bridge.toml", 12345, -1)

    with pytest.raises(UsageError, match="another user"):
        load(environ)
