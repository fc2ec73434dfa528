"""The OpenAPI 3.1 document of all REST calls."""

import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from regoods.core.api import ApiHandler
from regoods.core.calls import Argument, Call, declared
from regoods.core.errors import (
    ApiError,
    InvalidToken,
    PayloadTooLarge,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
    ValidationError,
)
from regoods.core.feature import Contract, Feature
from regoods.core.http import MAX_BODY, Failure
from regoods.core.wire import Pagination
from regoods.features.api_docs.schemas import Schema, Schemas

VERSION = "1.0"
METHODS = ("get", "post", "put", "delete")
UNDESCRIBED = "/debug"
"""What is under it is for developers and no part of the contract."""

jwt = "JWT of ReGoods (HS256; RS256 or EdDSA where a public key is set), `{userId, email, iat, exp}`; lives 15 minutes."
_seconds: Schema = {"type": "integer", "minimum": 0}
RATE_HEADERS = {
    "RateLimit-Limit": {"description": "Calls a minute; absent where there is no limit.", "schema": _seconds},
    "RateLimit-Remaining": {"description": "How many are left of them.", "schema": _seconds},
    "RateLimit-Reset": {"description": "Seconds until they are all there again.", "schema": _seconds},
}


class Operation(NamedTuple):
    feature: Feature
    path: str
    method: str
    handler: type[ApiHandler]
    call: Call | None
    """None where its method lacks its `@call`."""


def operations(features: Sequence[Feature]) -> Iterator[Operation]:
    """Every call there is, but for those of developers."""
    for feature in features:
        for pattern, handler in feature.routes:
            if pattern.startswith(UNDESCRIBED):
                continue
            for method in METHODS:
                function = getattr(handler, method)
                if function is not ApiHandler.not_found:
                    call = declared(function)
                    names = [one.name for one in call.arguments if one.where == "path"] if call else []
                    yield Operation(feature, template(pattern, names), method, handler, call)


def template(pattern: str, names: Sequence[str]) -> str:
    """A route's pattern with its groups named: `/messages/([^/]+)` becomes `/messages/{messageId}`."""
    named, path, depth = iter(names), "", 0
    for part in re.findall(r"\\.|\[[^\]]*\]|.", pattern):
        if part == "(" and not depth:
            path += "{" + next(named, "unnamed") + "}"
        depth += (part == "(") - (part == ")")
        if not depth and part != ")":
            path += part[-1]
    return path


def document(contract: Contract) -> dict[str, Any]:
    schemas = Schemas(contract)
    failure = schemas.sent(Failure)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations(contract.features):
        if operation.call is not None:
            paths.setdefault(operation.path, {})[operation.method] = _operation(operation, operation.call, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ReGoods messaging",
            "version": VERSION,
            "description": "What buyers and sellers write to each other. `asyncapi.json` describes the socket.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "responses": {_response_name(error): _failure(error, failure) for error in _all_errors(contract)},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": jwt}
            },
        },
    }


def _operation(operation: Operation, call: Call, schemas: Schemas) -> dict[str, Any]:
    summary, _, rest = call.about.partition(". ")
    described: dict[str, Any] = {
        "operationId": _operation_id(operation),
        "tags": [operation.feature.name],
        "summary": summary.rstrip("."),
        "description": call.about,
        "security": [{"token": []}] if operation.handler.requires_user else [],
    }
    if not rest:
        del described["description"]
    parameters = [_parameter(one, schemas) for one in call.arguments if one.where != "body"]
    if parameters:
        described["parameters"] = parameters
    body = _body(call, schemas)
    if body is not None:
        described["requestBody"] = {"required": True, "content": body}
    described["responses"] = {str(call.status): _success(operation, call, schemas, call.status)} | {
        str(error.status): {"$ref": f"#/components/responses/{_response_name(error)}"}
        for error in sorted(_errors(operation, call), key=lambda error: error.status)
        if error.status not in call.also
    }
    for status in call.also:
        described["responses"][str(status)] = _success(operation, call, schemas, status)
    return described


def _operation_id(operation: Operation) -> str:
    words = re.findall(r"[A-Za-z0-9]+", operation.path.removeprefix("/api/v1"))
    alias = "" if operation.path.startswith("/api/v1") else "AtRoot"
    return operation.method + "".join(word[0].upper() + word[1:] for word in words) + alias


def _parameter(argument: Argument, schemas: Schemas) -> dict[str, Any]:
    # What may be left out is not to be sent empty.
    schema = schemas.sent(argument.type)
    if not argument.required and argument.default is not None:
        schema = schema | {"default": argument.default}
    return {"name": argument.name, "in": argument.where, "required": argument.required, "schema": schema}


def _body(call: Call, schemas: Schemas) -> dict[str, Any] | None:
    if call.upload is not None:
        file = {"type": "string", "contentMediaType": "application/octet-stream"}
        schema = {"type": "object", "properties": {call.upload: file}, "required": [call.upload]}
        return {"multipart/form-data": {"schema": schema}}
    kind = next((one.type for one in call.arguments if one.where == "body"), None)
    return None if kind is None else {"application/json": {"schema": schemas.heard(kind)}}


def _success(operation: Operation, call: Call, schemas: Schemas, status: int) -> dict[str, Any]:
    json = {} if call.media else {"application/json": {"schema": _envelope(call, schemas)}}
    content = json | {media: {} for media in call.media}
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": content}
    return answer | ({"headers": RATE_HEADERS} if operation.handler.requires_user else {})


def _envelope(call: Call, schemas: Schemas) -> Schema:
    data = {} if call.gives is None else schemas.sent(call.gives)
    if not call.envelope:
        return data
    properties: Schema = {"success": {"const": True}, "data": data}
    if call.paged:
        properties |= {"data": {"type": "array", "items": data}, "pagination": schemas.sent(Pagination)}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _errors(operation: Operation, call: Call) -> set[type[ApiError]]:
    """By status, one each: a 401 is of two kinds."""
    errors: set[type[ApiError]] = {*call.errors, PayloadTooLarge, ApiError, ServiceUnavailable}
    if operation.handler.requires_user:
        errors |= {Unauthorized, RateLimited}
    if call.arguments or call.upload:
        errors.add(ValidationError)
    return errors


def _all_errors(contract: Contract) -> list[type[ApiError]]:
    found = {error for one in operations(contract.features) if one.call is not None for error in _errors(one, one.call)}
    return sorted(found, key=lambda error: (error.status, error.__name__))


def _response_name(error: type[ApiError]) -> str:
    return "InternalError" if error is ApiError else error.__name__


def _failure(error: type[ApiError], schema: Schema) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _about(error),
        "content": {"application/json": {"schema": schema}},
    }
    retry = {"description": "Seconds to wait.", "schema": _seconds, "required": True}
    if error is RateLimited:
        answer["headers"] = {"Retry-After": retry} | RATE_HEADERS
    elif error is ServiceUnavailable:
        answer["headers"] = {"Retry-After": retry}
    return answer


def _about(error: type[ApiError]) -> str:
    if error is Unauthorized:
        return " ".join(f"`{one.code}`: {one.default_message}" for one in (Unauthorized, InvalidToken))
    if error is ValidationError:
        return f"`{error.code}`: `details` names the field."
    if error is PayloadTooLarge:
        return f"`{error.code}`: a JSON body may hold {MAX_BODY} bytes, an upload what its call says."
    return f"`{error.code}`: {error.default_message}"
