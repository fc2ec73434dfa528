"""JSON in and out. camelCase lives here: every wire shape is a `Shape` with snake_case fields."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from regoods.core.errors import ValidationError
from regoods.core.tokens import LARGEST_ID

T = TypeVar("T")

Id = Annotated[int, Meta(ge=1, le=LARGEST_ID)]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""As `iso` writes it."""

SCHEMA_REF = "#/components/schemas/{name}"
"""Where the documents of the contract hold a shape's schema."""


class Shape(Struct, rename="camel", omit_defaults=True, kw_only=True, gc=False):
    """A wire object. A field whose default is None is optional: absent rather than `null`.

    `gc=False`: shapes form no cycles, and thousands of them need not be walked by the collector.
    """


class Shown(NamedTuple):
    shape: type[Shape]
    enriched: str | None
    name: str


def shown_as(shape: type[Shape], *, enriched: str | None = None, name: str | None = None) -> Meta:
    """Says of a field that is encoded already, or merged, what it looks like: `Annotated[Raw, shown_as(Message)]`.

    `enriched`: the kind of answer whose enrichers add their fields; `name`: what the two are called together.
    """
    shown = Shown(shape, enriched, name or shape.__name__)
    return Meta(extra={"shown": shown}, extra_json_schema={"$ref": SCHEMA_REF.format(name=shown.name)})


def merged(shape: Shape, *more: Shape) -> dict[str, Any]:
    """One wire object out of a feature's shape and the fields that others add to it."""
    fields: dict[str, Any] = {}
    for part in (shape, *more):
        fields.update(msgspec.to_builtins(part))
    return fields


class Event(Shape, tag_field="type"):
    """A frame from server to client; the subclass's `tag` is its `type`."""

    logged: ClassVar[bool] = True
    """Whether it is an entry in the log of its receivers, and carries its number as `seq`."""


class Pagination(Shape):
    total: int
    page: int
    limit: int
    pages: int


class Page(Struct):
    """One page of a list and how many there are in all."""

    items: list[Any]
    total: int
    limit: int
    offset: int

    @property
    def pagination(self) -> Pagination:
        return Pagination(
            total=self.total,
            page=self.offset // self.limit + 1,
            limit=self.limit,
            pages=-(-self.total // self.limit),
        )


_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    return _encoder.encode(value)


def raw(value: Any) -> Raw:
    """Encoded once, to be built into several envelopes or events."""
    return Raw(_encoder.encode(value))


def decode(data: bytes | bytearray, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode and validate. Raises ValidationError naming the field, `body` where the JSON itself is broken."""
    try:
        # msgspec skips unknown fields unread, and what is in them would go unchecked.
        data.decode()
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        field, problem = explain(error)
        raise ValidationError(field, f"{field}: {problem}") from None
    except UnicodeDecodeError:
        raise ValidationError("body", "The body is not valid UTF-8.") from None
    except RecursionError:
        raise ValidationError("body", "The body is nested too deeply.") from None
    except msgspec.DecodeError as error:
        raise ValidationError("body", f"The body is not valid JSON: {error}.") from None


def camel(name: str) -> str:
    """A name as it stands on the wire."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """Field and problem of msgspec's text: ``Expected `int`, got `str` - at `$.recipientId` ``."""
    problem, _, path = str(error).partition(" - at `")
    field = path.strip("`$.")
    missing = problem.partition("missing required field `")[2]
    if missing:
        name = missing.rstrip("`")
        return f"{field}.{name}".lstrip("."), "this field is required"
    return field or "body", problem[:1].lower() + problem[1:]


def iso(moment: datetime) -> str:
    """ISO 8601 UTC with milliseconds and `Z` (contract, preamble). `moment` is in UTC."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"
