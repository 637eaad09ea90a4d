"""settings.md: what can be set from outside, read from `bridge.config`."""

import json
from typing import Any

from pydantic_core import PydanticUndefined

from bridge.config import Settings, project_may_set
from tools.reference.table import table

__all__ = ["settings_page"]

_HEAD = """# Settings of the bridge

A flag beats the environment (`BRIDGE_*`), which beats `./bridge.toml`, which beats `lensbridge/config.toml` in
`$XDG_CONFIG_HOME` (else `~/.config`), which beats the default. `bridge doctor` says where each value came from. Lists
are written as JSON in the environment and as TOML lists in a file.

A `bridge.toml` comes with whatever folder one happens to stand in, a cloned one too: it may say how pictures are
asked about, but not who gets them, with which key, or what is run.
"""


def settings_page() -> str:
    """The whole page."""
    rows = [
        (
            f"`{name}`",
            f"`BRIDGE_{name.upper()}`",
            "yes" if project_may_set(name) else "no",
            _default(field),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "\n" + table(("name", "environment", "in a `bridge.toml`", "default", "what"), rows)


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "see right"
    if field.default is None or field.default == ():
        return ""
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{json.dumps(value)}`"
