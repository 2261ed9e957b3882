"""JSON schemas of msgspec structs, which are the one description of what is sent and taken."""

import types
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import FieldInfo

from attempts.records import REQUIRED_IN_ATTEMPT, AttemptDocument, Step
from attempts.validation import JSON_TYPES
from resolutions.records import REQUIRED_IN_RESOLUTION, ResolutionDocument

REF: Final = "#/components/schemas/{name}"

# What a document must tell although its struct has a default, because a document may also be a part of one.
REQUIRED: Final[dict[type[Struct], tuple[str, ...]]] = {
    AttemptDocument: REQUIRED_IN_ATTEMPT,
    ResolutionDocument: REQUIRED_IN_RESOLUTION,
}
DOCUMENTS: Final = (AttemptDocument, ResolutionDocument, Step)


def structs_in(annotation: Any) -> Iterator[type[Struct]]:
    """The structs that an annotation, or a struct's fields, are made of; itself first, in any depth."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield annotation
        for field in msgspec.structs.fields(annotation):
            yield from structs_in(field.type)
    for argument in get_args(annotation):
        yield from structs_in(argument)


def schemas_of(structs: Iterable[type[Struct]]) -> dict[str, Any]:
    """The components of these structs and of all that they hold."""
    return msgspec.json.schema_components([_shadow(struct) for struct in structs], ref_template=REF)[1]


@cache
def _shadow(struct: type[Struct]) -> type[Struct]:
    """The struct as it is to be described.

    msgspec cannot describe a default of type Raw; which fields are always there is known from what a struct is for:
    an answer has them all but those that may be unset; a document has those that are required.
    """
    fields = [
        (field.name, _type(struct, field), msgspec.NODEFAULT if _is_required(struct, field) else _default(field))
        for field in msgspec.structs.fields(struct)
    ]
    return msgspec.defstruct(
        struct.__name__,
        [(name, type_) if default is msgspec.NODEFAULT else (name, type_, default) for name, type_, default in fields],
        kw_only=True,
        namespace={"__doc__": struct.__doc__},
        module=__name__,
    )


def _is_required(struct: type[Struct], field: FieldInfo) -> bool:
    if struct in DOCUMENTS:
        return field.required or field.name in REQUIRED.get(struct, ())
    config: Any = struct.__struct_config__
    return field.required or not (config.omit_defaults or UnsetType in get_args(field.type))


def _default(field: FieldInfo) -> Any:
    if UnsetType in get_args(field.type):
        return UNSET
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if isinstance(field.default, Raw) else field.default


def _type(struct: type[Struct], field: FieldInfo) -> Any:
    if struct in DOCUMENTS and field.type is Raw and field.name in JSON_TYPES:
        json_type = {"an object": "object", "a list": "array"}[JSON_TYPES[field.name]]
        return Annotated[Raw, msgspec.Meta(extra_json_schema={"type": [json_type, "null"]})]
    if field.name in REQUIRED.get(struct, ()):
        return _rewritten(_without_none(field.type))
    return _rewritten(field.type)


def _without_none(annotation: Any) -> Any:
    return Union[tuple(part for part in get_args(annotation) if part is not types.NoneType)]  # noqa: UP007  # made at run time


def _rewritten(annotation: Any) -> Any:
    """The annotation with every struct in it replaced by its shadow."""
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return _shadow(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(_rewritten(arguments[0]), *arguments[1:])]
    if origin in (Union, types.UnionType):
        return Union[tuple(_rewritten(argument) for argument in arguments)]  # noqa: UP007
    if origin in (list, dict, tuple):
        return origin[tuple(_rewritten(argument) for argument in arguments)]
    return annotation
