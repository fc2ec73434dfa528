"""TypeScript types of the two documents, for clients: `make types` keeps them in docs/types.ts."""

import json
from collections.abc import Iterator, Mapping
from textwrap import fill
from typing import Any

Schema = Mapping[str, Any]

WIDTH = 120
HEAD = """\
// The types of ReGoods messaging's contract: `make types` makes them of /api/v1/openapi.json and /api/v1/asyncapi.json.
// An optional field is left out where there is nothing; it is `null` only where a client may send that.
"""


def types(openapi: Mapping[str, Any], asyncapi: Mapping[str, Any]) -> str:
    shapes = dict(sorted((openapi["components"]["schemas"] | asyncapi["components"]["schemas"]).items()))
    blocks = [HEAD, *(_shape(name, schema) for name, schema in shapes.items())]
    blocks += [
        _comment("What the server sends over the socket.") + _alias("ServerEvent", _messages(asyncapi, "send")),
        _comment("What a client may send over the socket.") + _alias("ClientFrame", _messages(asyncapi, "receive")),
        _comment(
            "Every REST call: what it takes, and the body of its success. Any other status gives a `Failure`, where "
            "the call does not say otherwise."
        )
        + "export interface Calls {\n"
        + "".join(_calls(openapi))
        + "}\n",
    ]
    return "\n".join(blocks)


def _shape(name: str, schema: Schema) -> str:
    about = _comment(schema["description"]) if "description" in schema else ""
    if "properties" not in schema:
        return about + _alias(name, _type(schema))
    return f"{about}export interface {name} {{\n{_fields(schema, '  ')}}}\n"


def _alias(name: str, type_: str) -> str:
    line = f"export type {name} = {type_};\n"
    return line if len(line) <= WIDTH else f"export type {name} =\n  | " + type_.replace(" | ", "\n  | ") + ";\n"


def _comment(text: str, indent: str = "") -> str:
    one = f"{indent}/** {' '.join(text.split())} */"
    if len(one) <= WIDTH:
        return one + "\n"
    body = fill(text, WIDTH, initial_indent=f"{indent} * ", subsequent_indent=f"{indent} * ")
    return f"{indent}/**\n{body}\n{indent} */\n"


def _fields(schema: Schema, indent: str) -> str:
    lines = []
    for name, kind in schema["properties"].items():
        if "description" in kind:
            lines.append(_comment(kind["description"], indent))
        mark = "" if name in schema.get("required", ()) else "?"
        lines.append(f"{indent}{_name(name)}{mark}: {_type(kind)};\n")
    return "".join(lines)


def _name(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(_type(one) for one in schema[choice])
    if schema.get("type") == "array":
        item = _type(schema["items"])
        return f"({item})[]" if "|" in item else f"{item}[]"
    if schema.get("type") == "object":
        return _object(schema)
    if "contentMediaType" in schema:
        return "Blob"
    names = {"integer": "number", "number": "number", "boolean": "boolean", "string": "string", "null": "null"}
    return names.get(schema.get("type", ""), "unknown")


def _object(schema: Schema) -> str:
    if "properties" in schema:
        return "{ " + _fields(schema, "").strip().replace("\n", " ") + " }"
    return f"Record<string, {_type(schema.get('additionalProperties') or {})}>"


def _messages(asyncapi: Mapping[str, Any], action: str) -> str:
    messages = asyncapi["channels"]["messages"]["messages"]
    names = [
        reference["$ref"].rpartition("/")[2]
        for operation in asyncapi["operations"].values()
        if operation["action"] == action
        for reference in operation["messages"]
    ]
    return " | ".join(_type(messages[name]["payload"]) for name in names)


def _calls(openapi: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield _comment(operation["summary"] + ".", "  ")
            yield f'  "{method.upper()} {path}": {{\n'
            for place in ("path", "query", "header"):
                parameters = [one for one in operation.get("parameters", ()) if one["in"] == place]
                if parameters:
                    yield f"    {place}: {_object(_as_object(parameters))};\n"
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield f"    body: {_type(content['schema'])};\n"
            success = next(answer for status, answer in operation["responses"].items() if status < "300")
            kinds = (_type(one["schema"]) if "schema" in one else "Blob" for one in success["content"].values())
            yield f"    answer: {' | '.join(dict.fromkeys(kinds))};\n"
            yield "  };\n"


def _as_object(parameters: list[Mapping[str, Any]]) -> Schema:
    return {
        "properties": {one["name"]: one["schema"] for one in parameters},
        "required": [one["name"] for one in parameters if one["required"]],
    }
