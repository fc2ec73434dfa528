"""Each wire shape is read as it was written, whatever stands in it: none loses a field, a digit or a character."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from regoods.app import contract
from regoods.core.wire import Shape, decode, encode


def subclasses(kind: type[Shape]) -> list[type[Shape]]:
    """All of ours, the deepest too."""
    return [one for child in kind.__subclasses__() for one in (child, *subclasses(child))]


def is_whole(kind: type[Shape]) -> bool:
    """Whether it says itself what stands in it; others hold what is encoded already, or another's fields."""
    described = repr(inspect.type_info(kind))
    return not any(unsaid in described for unsaid in ("RawType", "AnyType", "CustomType"))


contract()  # imports every feature
SHAPES = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for kind in subclasses(Shape)
    if kind.__module__.startswith("regoods.") and msgspec.structs.fields(kind) and is_whole(kind)
}


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Anything of a type, as msgspec describes it."""
    match kind:
        case inspect.Metadata():
            return values(kind.type)
        case inspect.IntType():
            return st.integers(
                kind.ge if kind.ge is not None else -(2**63), kind.le if kind.le is not None else 2**63 - 1
            )
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.StrType():
            return st.from_regex(kind.pattern) if kind.pattern else st.text(
                st.characters(exclude_categories=["Cs"]), min_size=kind.min_length or 0, max_size=kind.max_length
            )  # fmt: skip
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.UnionType():
            return st.one_of(*map(values, kind.types))
        case inspect.VarTupleType():
            return st.lists(values(kind.item_type), max_size=3).map(tuple)
        case inspect.ListType():
            return st.lists(values(kind.item_type), max_size=3)
        case inspect.DictType():
            return st.dictionaries(values(kind.key_type), values(kind.value_type), max_size=3)
        case inspect.StructType():
            given_fields = {field.name: values(field.type) for field in kind.fields}
            return st.fixed_dictionaries(given_fields).map(lambda fields: kind.cls(**fields))
    raise AssertionError(f"no values known for {kind}")


@pytest.mark.parametrize("name", list(SHAPES))
def test_it_is_read_as_it_was_written(name: str) -> None:
    kind = SHAPES[name]
    decoder = msgspec.json.Decoder(kind)
    optional = [one for one in msgspec.structs.fields(kind) if one.default is None]

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(values(inspect.type_info(kind)))
    def any_value(value: Any) -> None:
        written = encode(value)
        assert decode(written, decoder) == value
        assert encode(decode(written, decoder)) == written
        absent = {one.encode_name for one in optional if getattr(value, one.name) is None}
        assert not absent & msgspec.json.decode(written).keys()  # and never null

    any_value()


def test_most_shapes_are_tried() -> None:
    assert len(SHAPES) > 30
