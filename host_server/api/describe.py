"""The host's OpenAPI description, at `/openapi.json` behind the token like everything else.

Bodies are read by hand, with limits, so FastAPI does not know them; here they are told, and the one shape of a refusal.
"""

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.responses import JSONResponse

from host_server.wire.chat import ChatCreate
from host_server.wire.errors import CODES
from host_server.wire.request import ResponseCreate

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["describe"]

_REFUSAL = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "code", "message", "param", "retryable", "retry_after_ms"],
            "properties": {
                "type": {"enum": sorted({row.type for row in CODES.values()})},
                "code": {"enum": sorted(CODES)},
                "message": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "retryable": {"type": "boolean"},
                "retry_after_ms": {"type": ["integer", "null"]},
            },
        }
    },
}
_ANSWER = {
    "type": "object",
    "required": ["id", "object", "status", "model", "output", "error", "usage"],
    "properties": {"id": {"type": "string"}, "object": {"const": "response"}, "output": {"type": "array"}},
}
_COMPLETION = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices", "usage"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "chat.completion"},
        "created": {"type": "integer"},
        "choices": {"type": "array", "minItems": 1, "maxItems": 1},
    },
}
_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}
_PICTURES: dict[str, Any] = {"image/jpeg": {}, "image/png": {}}
_BODIES = {
    ("/v1/responses", "post"): {"application/json": {"schema": {"$ref": "#/components/schemas/ResponseCreate"}}},
    ("/v1/chat/completions", "post"): {"application/json": {"schema": {"$ref": "#/components/schemas/ChatCreate"}}},
    ("/v1/captures/{sha256}", "put"): {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _PICTURES},
}
_ANSWERS = {
    ("/v1/responses", "post"): {"application/json": {"schema": _ANSWER}, **_STREAM},
    ("/v1/chat/completions", "post"): {"application/json": {"schema": _COMPLETION}, **_STREAM},
    ("/v1/responses/{response_id}", "get"): {"application/json": {"schema": _ANSWER}, **_STREAM},
    ("/v1/responses/{response_id}/cancel", "post"): {"application/json": {"schema": _ANSWER}},
    ("/v1/captures/{sha256}", "get"): _PICTURES,
}


def describe(app: "FastAPI", *, open_paths: frozenset[str]) -> None:
    """Give the app its description and the route that shows it."""

    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, open_paths)
        return app.openapi_schema

    async def show() -> JSONResponse:  # ruff: ignore[unused-async] a sync handler would run in a thread
        """This description."""
        return JSONResponse(schema(), headers={"cache-control": "no-store"})

    app.openapi = schema  # type: ignore[method-assign]  # as FastAPI documents it
    app.add_api_route("/openapi.json", show)


def _described(app: "FastAPI", open_paths: frozenset[str]) -> dict[str, Any]:
    described = get_openapi(title="lensbridge host", version="1", routes=app.routes)
    _, models = models_json_schema(
        [(ResponseCreate, "validation"), (ChatCreate, "validation")], ref_template="#/components/schemas/{model}"
    )
    described["components"] = {
        "schemas": {**models["$defs"], "Refusal": _REFUSAL},
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            _tell(operation, (path, method))
            if path not in open_paths:
                operation["security"] = [{"key": []}]
    return described


def _tell(operation: dict[str, Any], call: tuple[str, str]) -> None:
    operation["responses"].pop("422", None)  # FastAPI's own; ours is a refusal like any other
    refusal: dict[str, Any] = {"description": "A refusal."}
    operation["responses"]["default"] = refusal
    if call[1] != "head":
        refusal["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    if call in _ANSWERS:
        operation["responses"]["200"]["content"] = _ANSWERS[call]
    if call in _BODIES:
        operation["requestBody"] = {"required": True, "content": _BODIES[call]}
    if call[0] == "/v1/captures/{sha256}":
        if call[1] == "put":
            operation["responses"]["201"] = {"description": "New here."}
        for parameter in operation["parameters"]:
            parameter["schema"] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
