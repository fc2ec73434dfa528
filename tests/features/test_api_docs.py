"""The contract as data: whole, valid, true, and the same as what is committed."""

import inspect
import json
import re
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from regoods.app import FEATURES, contract
from regoods.core.settings import ROOT
from regoods.features.api_docs import asyncapi, openapi, typescript
from regoods.features.api_docs.schemas import Schemas
from tests.support.contract import asyncapi_document, openapi_document
from tests.support.people import Person

OPENAPI, ASYNCAPI = "/openapi.json", "/asyncapi.json"
PAGES = ("/debug/api", "/debug/api/socket", "/debug/api/swagger-ui.js")


async def test_openapi_is_valid(ann: Person) -> None:
    document = (await ann.get(OPENAPI, token="")).body

    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


async def test_asyncapi_is_valid(ann: Person) -> None:
    document = (await ann.get(ASYNCAPI, token="")).body

    assert document["asyncapi"] == "3.0.0"
    official = json.loads((ROOT / "tests" / "support" / "asyncapi-3.0.0.json").read_text())
    jsonschema_rs.validator_for(official).validate(document)
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"}), name


@pytest.mark.parametrize("document", [openapi_document(), asyncapi_document()], ids=["openapi", "asyncapi"])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))

    assert references
    for reference in references:
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_call_is_described() -> None:
    operations = list(openapi.operations(FEATURES))

    lacking = [f"{one.method.upper()} {one.path} ({one.handler.__name__})" for one in operations if one.call is None]
    assert lacking == [], "put @call(…) of core/calls.py on their methods: README, Add a feature"
    for one in operations:
        assert one.call
        assert one.call.about, f"{one.handler.__name__}.{one.method} needs a docstring: it is the call's summary"
        assert "{unnamed}" not in one.path, f"{one.path}: an argument in Path[…] for each group of the pattern"


def test_every_event_and_frame_is_described() -> None:
    messages = asyncapi_document()["channels"]["messages"]["messages"]

    events = [event for feature in FEATURES for event in feature.events]
    sockets_own = {"connected", "resync", "going_away", "authenticated", "token_expiring", "pong", "error"}
    assert {event.__struct_config__.tag for event in events} | sockets_own == {
        name for name in messages if not name.endswith("Frame")
    }
    for event in events:
        assert inspect.getdoc(event), f"{event.__name__} needs a docstring: it is the event's summary"
    frames = {f"{kind}Frame" for feature in FEATURES for kind in feature.frames}
    assert frames < set(messages)
    assert all(message["summary"] for message in messages.values())


def test_each_event_and_frame_is_in_an_operation() -> None:
    document = asyncapi_document()
    said = [one["$ref"] for operation in document["operations"].values() for one in operation["messages"]]

    assert sorted(said) == sorted(
        f"#/channels/messages/messages/{name}" for name in document["channels"]["messages"]["messages"]
    )


def test_what_other_features_add_is_there() -> None:
    schemas = openapi_document()["components"]["schemas"]

    assert schemas["ConversationPreview"]["properties"]["isOnline"] == {"type": "boolean"}
    assert "isOnline" in schemas["ConversationPreview"]["required"]
    assert schemas["Conversation"]["properties"]["user"] == {"$ref": "#/components/schemas/Partner"}
    assert set(schemas["Partner"]["required"]) == {"userId", "fullName", "isOnline"}
    assert "isOnline" not in schemas["UserRef"]["properties"]


def test_what_is_encoded_already_is_there() -> None:
    schemas = asyncapi_document()["components"]["schemas"]

    assert schemas["MessageEvent"]["properties"]["message"] == {"$ref": "#/components/schemas/Message"}
    assert {"type", "message", "seq"} == set(schemas["MessageEvent"]["required"])
    assert "seq" not in schemas["Typing"]["properties"]


def test_only_clients_may_send_null() -> None:
    schemas = openapi_document()["components"]["schemas"] | asyncapi_document()["components"]["schemas"]

    may = {name for name, schema in schemas.items() if '"null"' in json.dumps(schema)}
    assert may == {"NewMessage", "TypingFrame"}


def test_a_shape_is_the_same_in_both() -> None:
    rest, socket = (document["components"]["schemas"] for document in (openapi_document(), asyncapi_document()))

    assert {name for name in rest if name in socket and rest[name] != socket[name]} == set()


def test_a_call_says_what_it_takes_and_answers() -> None:
    send = openapi_document()["paths"]["/api/v1/messages"]["post"]
    thread = openapi_document()["paths"]["/api/v1/messages/user/{userId}"]["get"]

    assert send["requestBody"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/NewMessage"}}
    }
    assert set(send["responses"]) == {"201", "400", "401", "403", "404", "413", "422", "429", "500", "503"}
    assert send["security"] == [{"token": []}]
    assert thread["parameters"][0]["name"] == "userId"
    assert thread["parameters"][1] == {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
    }
    page = thread["responses"]["200"]["content"]["application/json"]["schema"]
    assert page["required"] == ["success", "data", "pagination"]
    assert openapi_document()["paths"]["/health"]["get"]["security"] == []


def test_close_codes_are_listed() -> None:
    document = asyncapi_document()
    codes = document["channels"]["messages"]["x-close-codes"]

    assert {"code": 1008, "reason": "Invalid token", "mayReturn": False} in codes
    for one in codes:
        assert f"| {one['code']} | {one['reason']} |" in document["info"]["description"]


def test_types_are_those_that_are_committed() -> None:
    text = typescript.types(openapi.document(contract()), asyncapi.document(contract()))

    assert (ROOT / "docs" / "types.ts").read_text() == text, "make types"


@pytest.mark.settings(app_env="production", debug_chat=True)
async def test_in_production_there_are_the_documents_but_no_page(ann: Person) -> None:
    for path in (OPENAPI, ASYNCAPI):
        assert (await ann.get(path, token="")).status == 200
    for path in PAGES:
        answer = await ann.get(path, token="", root="")
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_in_development_there_is_a_page_that_runs_only_its_own_scripts(ann: Person) -> None:
    for path in PAGES[:2]:
        answer = await ann.get(path, token="", root="")
        policy = answer.headers["Content-Security-Policy"]
        assert answer.status == 200
        assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
        assert "unsafe" not in policy
        assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", answer.raw.decode())


@pytest.mark.parametrize("name", ["..%2Fdebug_api.html", "offapi", "swagger-ui.js.map", "swagger-ui_js"])
async def test_only_the_viewers_are_served(ann: Person, name: str) -> None:
    assert (await ann.get(f"/debug/api/{name}", token="", root="")).status == 404


def test_a_type_that_takes_both_ways_keeps_its_null() -> None:
    schemas = Schemas(contract())

    assert schemas.sent(int | None) == {"type": "integer"}
    assert schemas.heard(int | None) == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
