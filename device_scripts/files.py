"""The files of this package, for whoever pushes or serves them."""

from importlib.resources import files
from pathlib import Path

__all__ = ["app_folder", "script"]


def script(name: str) -> bytes:
    """Give one script of `bin/`, as it is pushed to the phone."""
    return (files("device_scripts") / "bin" / name).read_bytes()


def app_folder() -> Path:
    """Say where the built-in page lies."""
    return Path(str(files("device_scripts") / "app"))
