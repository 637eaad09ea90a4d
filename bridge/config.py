"""The bridge's settings: flag > environment > ./bridge.toml > the user's config.toml > default.

`./bridge.toml` came with a folder, perhaps somebody else's: it may say what is asked and shown, but not where keys and
pictures go or what is run on this machine. Those are the user's own to say.

pydantic-settings reads each place; `load` keeps the order and `origins` says where each value came from, for `bridge
doctor`. Nothing below the command line sees this object: each part is handed the two to five values it needs.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bridge.errors import UsageError
from host_server.wire.discovery import UnsafeFileError, private_folder
from host_server.wire.discovery import state_dir as default_state_dir

__all__ = [
    "DEFAULT_PROMPT",
    "PHONE_PORT",
    "Settings",
    "config_files",
    "load",
    "origins",
    "own_folder",
    "project_may_set",
]

DEFAULT_PROMPT = "What does this picture show? Read the text in it."

# One port for every laptop and session: Chrome asks for the camera once per origin, and the port is part of the origin.
PHONE_PORT = 8017

PROJECT_FILE = Path("bridge.toml")
_USERS_OWN = frozenset({"host_url", "token", "token_file", "state_dir", "engine"})
_OTHERS_MAY_WRITE = 0o002


class Settings(BaseSettings):
    """Everything that can be set from outside. The names are those of `bridge.toml` and, upper-cased, of `BRIDGE_*`."""

    model_config = SettingsConfigDict(env_prefix="BRIDGE_", extra="forbid", frozen=True, use_attribute_docstrings=True)

    state_dir: Path = Field(default_factory=lambda: default_state_dir(os.environ))
    """where tokens, pictures, leases and journals are kept; not given, `lensbridge` in `$XDG_STATE_HOME`"""
    host_url: str | None = None
    """a host elsewhere, instead of finding or starting one; plain http only to loopback"""
    token: SecretStr | None = None
    """that host's key"""
    token_file: Path | None = None
    """a file with that host's key"""
    model: str | None = None
    """which engine or model of the host answers; not given, its first"""
    engine: tuple[str, ...] = ()
    """what a host that is started here serves, for example `["ocr"]`"""
    prompt: str = DEFAULT_PROMPT
    """what is asked about each new picture: a question, or the name of a prompt (`bridge prompts list`)"""
    prompts: Path | None = None
    """a file with prompts, instead of `./prompts.yaml`; in a `bridge.toml`: inside its folder"""
    lang: Literal["en", "zh"] | None = None
    """the language of named prompts; not given, the terminal's"""
    phone_port: int = Field(default=PHONE_PORT, ge=1024, le=65535)
    """the page's port on the phone; Chrome asks for the camera once per port"""
    camera_folder: tuple[str, ...] = ("/sdcard/DCIM/Camera",)
    """the folders of the phone that are watched"""
    app: Path | None = None
    """a folder with a page of your own; in a `bridge.toml`: inside its folder"""
    watch: bool = True
    """false leaves the camera folder alone"""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # ruff: ignore[unused-class-method-argument] pydantic-settings passes all of these by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # ruff: ignore[unused-class-method-argument]
        dotenv_settings: PydanticBaseSettingsSource,  # ruff: ignore[unused-class-method-argument]
        file_secret_settings: PydanticBaseSettingsSource,  # ruff: ignore[unused-class-method-argument]
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands in: it has read the places itself, to know who said what."""
        return (init_settings,)


def project_may_set(name: str) -> bool:
    """Whether a `./bridge.toml` may give this setting."""
    return name not in _USERS_OWN


def config_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The two files that are read, nearest first, whether they exist or not."""
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    return PROJECT_FILE, Path(home) / "lensbridge" / "config.toml"


def load(environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Settle every value; flags that are None are not given. Raises `UsageError` naming the value and its origin."""
    environ = os.environ if environ is None else environ
    merged: dict[str, Any] = {}
    for _, values in reversed(_places(environ, flags)):
        merged |= values
    if flags.get("token_file") is not None and not merged.get("host_url"):
        raise UsageError(
            "--token-file is the key of a host that is named, and none is",
            hint="add --host-url URL, or leave out --token-file: a host of this machine needs none",
            setting="token_file",
        )
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        what = "there is no such setting" if first["type"] == "extra_forbidden" else first["msg"]
        raise _mistake(str(first["loc"][0]), what, origins(environ, **flags)) from None


def origins(environ: Mapping[str, str] | None = None, **flags: Any) -> dict[str, str]:
    """Where each value that is not a default came from: `{"prompt": "bridge.toml"}`."""
    environ = os.environ if environ is None else environ
    found: dict[str, str] = {}
    for place, values in _places(environ, flags):
        for name in values:
            found.setdefault(name, place)
    return found


def own_folder(state_dir: Path) -> Path:
    """Make the state folder, or see that it is ours alone. Raises `UsageError`; a full disk stays an OSError."""
    hint = "name another folder with --state-dir or BRIDGE_STATE_DIR"
    try:
        return private_folder(state_dir)
    except UnsafeFileError as error:
        raise UsageError(str(error), hint=f"chmod go-w {state_dir}, or {hint}") from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        reason = "that is no folder" if error.errno == errno.EEXIST else error.strerror
        raise UsageError(f"{state_dir} cannot keep tokens and pictures: {reason}", hint=hint) from None


def _mistake(name: str, what: str, said_by: Mapping[str, str]) -> UsageError:
    """Name the setting as whoever gave it has spelled it."""
    place = said_by.get(name, "settings")
    match place:
        case "flag":
            spelled, where = f"--{name.replace('_', '-')}", "`--help`"
        case "environment":
            spelled, where = f"BRIDGE_{name.upper()}", "docs/reference/settings.md"
        case _:
            spelled, where = f"{place}: {name}", "docs/reference/settings.md"
    return UsageError(f"{spelled}: {what}", hint=f"{where} says what it may be", setting=name)


def _places(environ: Mapping[str, str], flags: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """All places with what they say, strongest first."""
    given = {name: value for name, value in flags.items() if value is not None and value not in ((), [])}
    places = [("flag", given), ("environment", _from_environment(environ))]
    places += [(str(path), _from_file(path)) for path in config_files(environ)]
    return places


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    source.env_vars = {key.lower(): value for key, value in environ.items()}
    try:
        return source()
    except ValueError as error:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        raise UsageError(
            f"{error}{cause}", hint="lists are written as JSON, for example BRIDGE_ENGINE='[\"ocr\"]'"
        ) from None


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = TomlConfigSettingsSource(Settings, path)()
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}", hint="the file is TOML: name = value, one a line") from None
    if path == PROJECT_FILE:
        _check_project(path, values)
    return dict(values)


def _check_project(path: Path, values: Mapping[str, Any]) -> None:
    """What a folder may decide for whoever stands in it. Raises `UsageError`."""
    info = path.stat()
    if info.st_uid not in {0, os.getuid()} or info.st_mode & _OTHERS_MAY_WRITE:
        raise UsageError(f"{path} is another user's, or others may write it", hint="work in a folder of your own")
    if refused := sorted(_USERS_OWN & set(values)):
        name = refused[0]
        raise UsageError(
            f"{name}: {path} may not set it: a folder must not decide where keys and pictures go, or what is run",
            hint=f"set it in lensbridge/config.toml of your configuration folder, or as BRIDGE_{name.upper()}",
            setting=name,
        )
    for name in ("app", "prompts"):
        inside = values.get(name)
        if isinstance(inside, str) and not Path(inside).resolve().is_relative_to(path.parent.resolve()):
            raise UsageError(
                f"{name}: {path} may only name what lies beside it, not {inside}",
                hint=f"the phone is shown what is in there; set BRIDGE_{name.upper()} for another place",
                setting=name,
            )
