"""The AsyncAPI 3 document of the socket, from the server's side: it sends events and receives frames."""

import inspect
from collections.abc import Sequence
from typing import Any

from regoods.core.feature import Contract
from regoods.core.wire import Event, Shape
from regoods.features.api_docs.openapi import VERSION, jwt
from regoods.features.api_docs.schemas import Schemas, twin

CHANNEL = {"$ref": "#/channels/messages"}


def document(contract: Contract) -> dict[str, Any]:
    schemas = Schemas(contract)
    events = {_kind(event): _message(schemas.sent(event), event) for event in schemas.events}
    frames = {f"{kind}Frame": _message(schemas.heard(shape), shape) for kind, shape in heard(contract).items()}
    pings = ["pingFrame"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ReGoods messaging: the socket",
            "version": VERSION,
            "description": _about(contract.close_codes),
        },
        "defaultContentType": "application/json",
        "channels": {
            "messages": {
                "address": "/messages",
                "title": "The socket",
                "description": "A WebSocket (RFC 6455) with JSON text frames.",
                "messages": events | frames,
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "query": {
                            "type": "object",
                            "properties": {"token": {"type": "string", "description": jwt}},
                        },
                        "headers": {
                            "type": "object",
                            "properties": {
                                "Sec-WebSocket-Protocol": {
                                    "type": "string",
                                    "description": "For a client that renews its token in place: `regoods, "
                                    "bearer.<jwt>`, without a query. Or `regoods` alone, and the token in a first "
                                    "frame `auth` within 10 s.",
                                }
                            },
                        },
                        "bindingVersion": "0.1.0",
                    }
                },
                "x-close-codes": [
                    {"code": code, "reason": reason, "mayReturn": may_return}
                    for code, reason, may_return in contract.close_codes
                ],
            }
        },
        "operations": {
            "push": _operation("send", "Events, to the sockets of those whom they concern", list(events)),
            "answerPing": _operation("receive", "Is the server there?", pings)
            | {"reply": {"channel": CHANNEL, "messages": _refs(["pong"])}},
            "hear": _operation("receive", "Frames", [name for name in frames if name not in pings]),
        },
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": {"token": {"type": "httpApiKey", "name": "token", "in": "query", "description": jwt}},
        },
    }


def heard(contract: Contract) -> dict[str, type[Shape]]:
    """The frames that clients may send, by type."""
    frames = {
        kind: twin(Shape, [], name=_name(kind), about=what, tag_field="type", tag=kind)
        if isinstance(what, str)
        else twin(what, [], name=_name(kind), tag_field="type", tag=kind)
        for kind, what in contract.socket_frames.items()
    }
    for feature in contract.features:
        for kind, listener in feature.frames.items():
            frames[kind] = twin(listener.frame.type, [], name=_name(kind), tag_field="type", tag=kind)
    return frames


def _name(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_")) + "Frame"


def _kind(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


def _message(schema: dict[str, Any], shape: type[Shape]) -> dict[str, Any]:
    return {
        "name": shape.__struct_config__.tag,
        "title": shape.__name__,
        "summary": inspect.getdoc(shape) or "",
        "payload": schema,
    }


def _operation(action: str, title: str, messages: Sequence[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": CHANNEL,
        "title": title,
        "security": [{"$ref": "#/components/securitySchemes/token"}],
        "messages": _refs(messages),
    }


def _refs(messages: Sequence[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/messages/messages/{name}"} for name in messages]


def _about(codes: Sequence[tuple[int, str, bool]]) -> str:
    rows = [f"| {code} | {reason} | {'yes' if may_return else 'no'} |" for code, reason, may_return in codes]
    return "\n".join(
        (
            "What a REST call changes is pushed to the open sockets of those whom it concerns; REST is described by "
            "`openapi.json` beside this. A frame that is not understood is answered with `error`, and the socket stays "
            "open. Events of a type that a client does not know it must ignore.",
            "",
            "A socket is closed with one of these codes. May the same client with the same token come back?",
            "",
            "| code | reason | come back? |",
            "|---|---|---|",
            *rows,
        )
    )
