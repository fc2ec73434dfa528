"""What the documents of the contract say of an answer or event: every one that a test sees is held against them."""

import functools
import re
from typing import Any

import jsonschema_rs
import msgspec

from regoods.app import contract
from regoods.features.api_docs import asyncapi, openapi


@functools.cache
def openapi_document() -> dict[str, Any]:
    return _as_read(openapi.document(contract()))


@functools.cache
def asyncapi_document() -> dict[str, Any]:
    return _as_read(asyncapi.document(contract()))


def check_answer(method: str, path: str, status: int, body: bytes) -> None:
    """Fails for an answer of a described call that is not as described."""
    operation = _operation(method.lower(), path.partition("?")[0])
    if operation is None:
        return
    answers = operation["responses"]
    assert str(status) in answers, f"{method} {path} answered {status}, which openapi.json does not have"
    answer = _target(openapi_document(), answers[str(status)])
    content = answer["content"].get("application/json")
    if content is not None:
        _check(_validator("openapi", _key(content["schema"])), body, f"{method} {path} {status}")


def check_event(event: dict[str, Any]) -> None:
    """Fails for an event that is not as described."""
    described = asyncapi_document()["channels"]["messages"]["messages"].get(event["type"])
    assert described is not None, f"asyncapi.json does not have the event {event['type']}"
    _check(_validator("asyncapi", _key(described["payload"])), msgspec.json.encode(event), event["type"])


def _as_read(document: dict[str, Any]) -> dict[str, Any]:
    """As a client has it; a shape has no fields but those it names."""
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    for schema in read["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return read


@functools.cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Those without a variable part first, as the server tries them."""
    paths = sorted(openapi_document()["paths"].items(), key=lambda path: "{" in path[0])
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations) for path, operations in paths]


def _operation(method: str, path: str) -> dict[str, Any] | None:
    operations = next((operations for pattern, operations in _paths() if pattern.fullmatch(path)), {})
    operation: dict[str, Any] | None = operations.get(method)
    return operation


def _target(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    for part in schema["$ref"].split("/")[1:]:
        document = document[part]
    return document


def _key(schema: dict[str, Any]) -> bytes:
    return msgspec.json.encode(schema)


@functools.cache
def _validator(name: str, schema: bytes) -> Any:
    document = openapi_document() if name == "openapi" else asyncapi_document()
    return jsonschema_rs.validator_for(
        msgspec.json.decode(schema) | {"components": document["components"]}, validate_formats=True
    )


def _check(validator: Any, body: bytes, what: str) -> None:
    for error in validator.iter_errors(msgspec.json.decode(body)):
        raise AssertionError(f"{what} is not as described: {error.message} at {error.instance_path}")
