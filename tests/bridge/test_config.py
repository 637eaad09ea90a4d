"""Where a setting may come from, which place wins, and what is said when one makes no sense."""

from pathlib import Path

import pytest

from bridge.config import DEFAULT_PROMPT, load, origins, own_folder
from bridge.errors import UsageError


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A user with a home of their own, standing in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def user_file(environ: dict[str, str], text: str) -> None:
    folder = Path(environ["XDG_CONFIG_HOME"]) / "lensbridge"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text, encoding="utf-8")


def test_without_anything_the_defaults_hold(environ: dict[str, str]) -> None:
    assert load(environ).prompt == DEFAULT_PROMPT
    assert origins(environ) == {}


def test_a_flag_beats_the_environment_which_beats_the_users_file(environ: dict[str, str]) -> None:
    user_file(environ, 'prompt = "file"\nphone_port = 9000\n')

    assert load(environ).prompt == "file"
    assert load(environ | {"BRIDGE_PROMPT": "environment"}).prompt == "environment"
    assert load(environ | {"BRIDGE_PROMPT": "environment"}, prompt="flag").prompt == "flag"
    assert load(environ | {"BRIDGE_PROMPT": "environment"}, prompt="flag").phone_port == 9000


def test_each_value_tells_where_it_came_from(environ: dict[str, str]) -> None:
    user_file(environ, "phone_port = 9000\n")
    found = origins(environ | {"BRIDGE_MODEL": "echo"}, prompt="x", host_url=None)

    assert (found["prompt"], found["model"]) == ("flag", "environment")
    assert found["phone_port"].endswith("config.toml")
    assert "host_url" not in found


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"BRIDGE_PHONE_PORT": "80"}, ("BRIDGE_PHONE_PORT",)),
        ({"BRIDGE_PHONE_PORT": "many"}, ("BRIDGE_PHONE_PORT",)),
        ({"BRIDGE_ENGINE": "not json"}, ("engine",)),
    ],
)
def test_a_value_that_makes_no_sense_is_named_as_it_was_given(
    environ: dict[str, str], extra: dict[str, str], words: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        load(environ | extra)

    assert all(word in caught.value.message for word in words)
    assert caught.value.hint


def test_an_option_that_makes_no_sense_is_named_as_an_option(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"--lang: .*'en' or 'zh'") as caught:
        load(environ, lang="fr")

    assert "--help" in caught.value.hint


def test_a_value_of_a_file_that_makes_no_sense_is_named_with_the_file(environ: dict[str, str]) -> None:
    user_file(environ, "phone_port = 80\n")

    with pytest.raises(UsageError, match=r"config\.toml: phone_port: "):
        load(environ)


def test_a_name_that_is_none_is_called_so(environ: dict[str, str]) -> None:
    user_file(environ, "promt = 'What?'\n")

    with pytest.raises(UsageError, match=r"config\.toml: promt: there is no such setting"):
        load(environ)


def test_a_key_for_a_host_that_nobody_named_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--token-file") as caught:
        load(environ, token_file=Path("key"))

    assert "--host-url" in caught.value.hint
    assert load(environ | {"BRIDGE_HOST_URL": "http://127.0.0.1:9"}, token_file=Path("key")).host_url
    assert load(environ | {"BRIDGE_TOKEN_FILE": "key"}).host_url is None


@pytest.mark.parametrize("text", ["prompt = ", "no_such_setting = 1", "phone_port = 'x'", "prompt = 3"])
def test_a_users_file_that_makes_no_sense_is_a_usage_error(environ: dict[str, str], text: str) -> None:
    user_file(environ, text)

    with pytest.raises(UsageError):
        load(environ)


def test_a_key_never_shows_in_the_settings_text(environ: dict[str, str]) -> None:
    assert "secret-key" not in repr(load(environ | {"BRIDGE_TOKEN": "secret-key"}))


def test_a_state_folder_that_cannot_be_ours_alone_is_a_usage_error(tmp_path: Path) -> None:
    assert own_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0

    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="may be written by others") as caught:
        own_folder(tmp_path / "open")
    assert "chmod go-w" in caught.value.hint
    with pytest.raises(UsageError, match="that is no folder") as caught:
        own_folder(tmp_path / "file")
    assert "--state-dir" in caught.value.hint
    with pytest.raises(UsageError, match="cannot keep tokens and pictures"):
        own_folder(Path("/proc/nope"))
