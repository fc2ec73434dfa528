"""What a REST call takes and gives, declared once.

`@call(…)` on a handler's method reads the arguments that its signature names, and api_docs describes the call by the
same: `async def get(self, user_id: Path[Id], limit: Query[Limit] = 20)`. A parameter is optional where it has a
default; on the wire its name is in camelCase.
"""

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from regoods.core.errors import ApiError, ValidationError
from regoods.core.tokens import LARGEST_ID
from regoods.core.wire import camel, explain

T = TypeVar("T")
R = TypeVar("R")

LARGEST_LIMIT = 100
Limit = Annotated[int, Meta(ge=1, le=LARGEST_LIMIT)]
Offset = Annotated[int, Meta(ge=0, le=LARGEST_ID)]

_number = re.compile(r"0|-?[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an argument stands in the request."""

    where: Literal["path", "query", "header", "body"]
    name: str = ""
    """Where it is not the parameter's own in camelCase."""


Path = Annotated[T, Place("path")]
Query = Annotated[T, Place("query")]
Body = Annotated[T, Place("body")]
"""The request's JSON. A header has no such word: `Annotated[str | None, Place("header", "Idempotency-Key")]`."""


class Caller(Protocol):
    """What arguments are read from: `ApiHandler`."""

    def body(self, decoder: msgspec.json.Decoder[T]) -> T: ...
    def query(self, name: str) -> str | None: ...
    def header(self, name: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    """On the wire."""
    where: str
    type: Any
    """With its bounds, as `Meta`."""
    required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    arguments: Sequence[Argument]
    gives: Any
    """The type of `data`, of an item of it where `paged`, or of the whole body where there is no `envelope`."""
    status: int
    also: Sequence[int]
    """Other statuses under which it gives the same, instead of a failure."""
    errors: Sequence[type[ApiError]]
    """Beside those that every call may answer."""
    paged: bool
    envelope: bool
    media: Sequence[str]
    """What it answers that is not JSON, by media type."""
    upload: str | None
    """The field of a multipart body that holds a file."""
    about: str


_declared: dict[Callable[..., Any], Call] = {}


def declared(method: Callable[..., Any]) -> Call | None:
    """What `@call` said of a handler's method."""
    return _declared.get(method)


def call(
    gives: Any = None,
    *,
    status: int = 200,
    also: Sequence[int] = (),
    errors: Sequence[type[ApiError]] = (),
    paged: bool = False,
    envelope: bool = True,
    media: Sequence[str] = (),
    upload: str | None = None,
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Declare a handler's method; its docstring says what the call does."""

    def declare(method: Callable[..., R]) -> Callable[..., R]:
        arguments, readers = _arguments(method)

        @functools.wraps(method)
        def read_and_call(caller: Any, *groups: str) -> R:
            return method(caller, *[read(caller, groups) for read in readers])

        wrapped = read_and_call if readers else method
        about = inspect.getdoc(method) or ""
        _declared[wrapped] = Call(arguments, gives, status, also, errors, paged, envelope, media, upload, about)
        return wrapped

    return declare


Reader = Callable[[Caller, Sequence[str]], Any]


def _arguments(method: Callable[..., Any]) -> tuple[list[Argument], list[Reader]]:
    arguments: list[Argument] = []
    readers: list[Reader] = []
    hints = get_type_hints(method, include_extras=True)
    groups = 0
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        kind, *metas = get_args(hints.get(parameter.name)) or (None,)
        place = next((meta for meta in metas if isinstance(meta, Place)), None)
        if place is None:
            raise TypeError(f"{method.__qualname__}: say of {parameter.name} where it stands, as in `Query[Id]`.")
        bounds = tuple(meta for meta in metas if meta is not place)
        argument = Argument(
            name=place.name or camel(parameter.name),
            where=place.where,
            type=Annotated[(kind, *bounds)] if bounds else kind,
            required=parameter.default is parameter.empty,
            default=None if parameter.default is parameter.empty else parameter.default,
        )
        arguments.append(argument)
        readers.append(_reader(argument, groups))
        groups += place.where == "path"
    return arguments, readers


def _reader(argument: Argument, group: int) -> Reader:
    if argument.where == "body":
        decoder = msgspec.json.Decoder(argument.type)
        return lambda caller, _groups: caller.body(decoder)
    read, name = _text_reader(argument), argument.name
    if argument.where == "path":
        return lambda _caller, groups: read(groups[group])

    def read_optional(caller: Caller, _groups: Sequence[str]) -> Any:
        value = caller.query(name) if argument.where == "query" else caller.header(name)
        if value is not None:
            return read(value)
        if argument.required:
            raise ValidationError(name, f"{name}: this field is required")
        return argument.default

    return read_optional


def _text_reader(argument: Argument) -> Callable[[str], Any]:
    """Reads a value that stands in the request as text. Raises ValidationError naming the argument."""
    name, kind = argument.name, argument.type
    numbers = _bounds(kind)
    if numbers is not None:
        least, most = numbers

        def number(text: str) -> int:
            if not _number.fullmatch(text) or not least <= int(text) <= most:
                raise ValidationError(name, f"{name} must be a whole number from {least} to {most}.")
            return int(text)

        return number

    def other(text: str) -> Any:
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            raise ValidationError(name, f"{name}: {explain(error)[1]}") from None

    return other


def _bounds(kind: Any) -> tuple[int, int] | None:
    """Of a whole number, or of one that may be left out."""
    if get_origin(kind) is Annotated:
        base, *metas = get_args(kind)
        meta = next((meta for meta in metas if isinstance(meta, Meta)), None)
        return (int(meta.ge), int(meta.le)) if base is int and meta and meta.ge is not None and meta.le else None
    return next((found for part in get_args(kind) if (found := _bounds(part))), None)
