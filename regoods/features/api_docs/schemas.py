"""JSON Schema 2020-12 of the shapes on the wire, as msgspec makes it of the types that validate and encode."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta, inspect

from regoods.core.feature import Contract
from regoods.core.wire import SCHEMA_REF, Event, Shape, Shown

Schema = dict[str, Any]
Numbered = Annotated[int, Meta(description="Its number in the receiver's log, one more than that of the one before.")]


class Schemas:
    """Gives the schemas of a document's types; those of objects are its components, to which the others point."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._heard: list[Any] = []
        self._sent: list[Any] = []
        self._merged: dict[Shown, type[Shape]] = {}
        numbered = any(feature.log is not None for feature in contract.features)
        self.events: Sequence[type[Event]] = [
            twin(event, [("seq", Numbered)]) if numbered and event.logged else event
            for event in (*contract.socket_events, *(one for feature in contract.features for one in feature.events))
        ]
        """As they stand on the wire."""

    def heard(self, kind: Any) -> Schema:
        """Of what a client sends: a field that may be left out may be `null`, too."""
        self._heard.append(kind)
        return _one(kind)

    def sent(self, kind: Any) -> Schema:
        """Of what the server sends: a field is there, or it is left out."""
        self._sent.append(kind)
        schema: Schema = _never_null(_one(kind))
        return schema

    def components(self) -> dict[str, Schema]:
        components: dict[str, Schema] = _never_null(_all(self._reachable(self._sent))) | _all(self._heard)
        if "Event" in components:
            events = [_one(event) for event in self._logged]
            components["Event"] = {"description": "An entry in a user's log.", "oneOf": events}
        return dict(sorted(components.items()))

    @property
    def _logged(self) -> list[Any]:
        return [event for event in self.events if event.logged]

    def _reachable(self, kinds: Sequence[Any]) -> list[Any]:
        """These, and those that `shown_as` names in them."""
        found, waiting = list(kinds), list(kinds)
        while waiting:
            for shown in _shown_in(inspect.type_info(waiting.pop())):
                new = [kind for kind in (self._resolve(shown), *self._implied(shown)) if kind not in found]
                found += new
                waiting += new
        return found

    def _implied(self, shown: Shown) -> list[Any]:
        return self._logged if shown.shape is Event else []

    def _resolve(self, shown: Shown) -> type[Shape]:
        """The shape, with the fields that other features' enrichers add to it as their annotations say."""
        if shown.enriched is None:
            return shown.shape
        if shown not in self._merged:
            fields = [
                (field.name, field.type, _default(field))
                for feature in self._contract.features
                if shown.enriched in feature.enriches
                for field in msgspec.structs.fields(_returned(feature.enriches[shown.enriched]))
            ]
            self._merged[shown] = twin(shown.shape, fields, name=shown.name)
        return self._merged[shown]


def twin(shape: type[Any], fields: Sequence[Any], *, name: str = "", about: str | None = None, **tag: str) -> type[Any]:
    """The shape with further fields."""
    namespace = {"__doc__": about or shape.__doc__}
    return msgspec.defstruct(
        name or shape.__name__,
        fields,
        bases=(shape,),
        kw_only=True,
        namespace=namespace,
        **tag,  # type: ignore[arg-type]
    )


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.required:
        return msgspec.field()
    if field.default is msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return msgspec.field(default=field.default)


def _returned(enricher: Callable[..., Any]) -> Any:
    """Of a function that returns `dict[int, Fields]`: Fields."""
    return get_args(get_type_hints(enricher)["return"])[1]


def _one(kind: Any) -> Schema:
    if isinstance(kind, type) and issubclass(kind, Shape):
        return {"$ref": SCHEMA_REF.format(name=kind.__name__)}
    schema: Schema = _plain(msgspec.json.schema_components([kind], ref_template=SCHEMA_REF)[0][0])
    return schema


def _all(kinds: Sequence[Any]) -> dict[str, Schema]:
    components: dict[str, Schema] = _plain(msgspec.json.schema_components(kinds, ref_template=SCHEMA_REF)[1])
    return components


def _shown_in(kind: Any) -> Iterator[Shown]:
    """What `shown_as` says anywhere in a type that msgspec has inspected."""
    seen: list[Any] = []
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        if isinstance(one, inspect.Metadata) and one.extra and "shown" in one.extra:
            yield one.extra["shown"]
        elif isinstance(one, inspect.StructType) and one.cls in seen:
            continue
        elif isinstance(one, inspect.StructType):
            seen.append(one.cls)
            waiting += [field.type for field in one.fields]
        else:
            for part in ("type", "item_type", "value_type"):
                waiting += [getattr(one, part)] if hasattr(one, part) else []
            waiting += getattr(one, "types", ())


def _plain(schema: Any) -> Any:
    """Without what msgspec says of the encoded type beside a `$ref` of ours, and without titles that repeat names."""
    if isinstance(schema, list | tuple):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"]}
    return {key: _plain(part) for key, part in schema.items() if not (key == "title" and isinstance(part, str))}


def _never_null(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_never_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kinds = schema.get("anyOf", [])
    rest = [kind for kind in kinds if kind != {"type": "null"}]
    if len(rest) < len(kinds):
        schema = {key: part for key, part in schema.items() if key not in ("anyOf", "default")}
        schema = schema | rest[0] if len(rest) == 1 else schema | {"anyOf": rest}
    return {key: _never_null(part) for key, part in schema.items()}
