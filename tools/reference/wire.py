"""wire.md: the host's routes, what a client may send, and the events that come back, from app, models and samples."""

import inspect
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from fastapi import FastAPI
from pydantic import BaseModel

from host_server.api.app import create_app
from host_server.engines.echo import EchoEngine
from host_server.security.admin_token import ensure_admin_token
from host_server.security.authenticator import Authenticator
from host_server.security.keys import KeyFile
from host_server.service import EngineRoom, Pictures, Service
from host_server.store.blobs import BlobStore
from host_server.wire import chat, request
from tools.reference.table import table

__all__ = ["wire_page"]

_SAMPLES = Path(__file__).parents[2] / "tests" / "golden" / "wire"
_HEAD = """# The wire, field by field

[protocol.md](../protocol.md) tells how it goes together; this page lists what there is. Fields that are not listed
are accepted and left alone; those OpenAI has and we cannot honour are refused with `unsupported_parameter`.
"""
_EVENTS = """
## Events of the host

Read from the samples in [tests/golden/wire](../../tests/golden/wire), which the host, the bridge and the page are
tested against.
"""


def wire_page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, _routes(), *(_message(model) for model in _messages()), _EVENTS, _events()])


def _routes() -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = _app(Path(folder)).openapi()["paths"]
    rows = [
        (f"`{method.upper()} {path}`", operation.get("description", ""))
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    rows.append(("`GET /v1/responses`, `Upgrade: websocket`", "The same conversation on a socket."))
    rows.sort(key=lambda row: row[0].split(" ", 1)[1])
    return "## Routes of the host\n\n" + table(("call", "what"), rows)


def _app(folder: Path) -> FastAPI:
    """The host's app as it is served; nothing of it runs."""
    pictures = Pictures(BlobStore(folder / "blobs", quota=0))
    authenticator = Authenticator(ensure_admin_token(folder), KeyFile(folder))
    return create_app(Service(EngineRoom([EchoEngine()]), pictures), authenticator)


def _messages() -> Iterator[type[BaseModel]]:
    """The messages, then the parts they are made of, in the order of the modules."""
    first = (*get_args(request.ClientMessage), chat.ChatCreate)
    yield from first
    for module in (request, chat):
        for found in (getattr(module, name) for name in module.__all__):
            if inspect.isclass(found) and issubclass(found, BaseModel) and found not in first:
                yield found


def _message(model: type[BaseModel]) -> str:
    rows = [
        (f"`{name}`", "yes" if field.is_required() else "", f"`{_type(model, name)}`")
        for name, field in model.model_fields.items()
    ]
    doc = inspect.getdoc(model) or ""
    return f"## {model.__name__}\n\n{doc}\n\n" + table(("field", "needed", "form"), rows)


def _type(model: type[BaseModel], name: str) -> str:
    schema = model.model_json_schema(by_alias=False)["properties"][name]
    return _form(schema)


def _form(schema: dict[str, Any]) -> str:
    """A JSON Schema in one line: `string(1-128)`, `number(0-2)`, `a | b`."""
    if "anyOf" in schema or "oneOf" in schema:
        forms = [_form(option) for option in schema.get("anyOf") or schema["oneOf"]]
        return " or ".join(dict.fromkeys(form for form in forms if form != "null"))
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1].removeprefix("_")
    if "const" in schema or "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_form(schema.get('items', {}))}{_limits(schema, 'minItems', 'maxItems')}"
    return kind + (_limits(schema, "minLength", "maxLength") or _limits(schema, "minimum", "maximum"))


def _limits(schema: dict[str, Any], low: str, high: str) -> str:
    if low not in schema and high not in schema:
        return ""
    return f" ({schema.get(low, 0)} to {schema[high]})" if high in schema else f" (from {schema[low]})"


def _events() -> str:
    fields: dict[str, set[str]] = {}
    samples: dict[str, set[str]] = {}
    for path in sorted(_SAMPLES.glob("*.json")):
        for event in _found(json.loads(path.read_text(encoding="utf-8"))):
            fields.setdefault(event["type"], set()).update(event)
            samples.setdefault(event["type"], set()).add(path.stem)
    rows = [
        (
            f"`{kind}`",
            ", ".join(f"`{name}`" for name in sorted(fields[kind] - {"type"})),
            ", ".join(sorted(samples[kind])),
        )
        for kind in sorted(fields)
    ]
    return table(("event", "fields beside `type`", "samples"), rows)


def _found(value: Any) -> Iterator[dict[str, Any]]:
    """Every event of a sample: what came back, never what was sent."""
    if isinstance(value, list):
        for inner in value:
            yield from _found(inner)
    elif isinstance(value, dict):
        if isinstance(value.get("type"), str) and value["type"].startswith(("response.", "bridge:", "error")):
            yield value
        else:
            for name, inner in value.items():
                if name != "request":
                    yield from _found(inner)
