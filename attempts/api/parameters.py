"""Filters over query parameters that refuse what they do not understand, and say what they would.

A parameter that is not sent filters nothing. A text is compared exactly, spaces and all; the empty text is a text, so
that attempts with an empty action type can be asked for. Anything else that is empty is refused.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from django import forms
from django.db.models import Exists, Q, QuerySet
from django_filters import Filter
from drf_spectacular.utils import extend_schema_field


class TextField(forms.CharField):
    """A text as sent. None when it was not."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def to_python(self, value: Any) -> str | None:
        return None if value is None else str(value)


class TypedField(forms.Field):
    """A value of a type that msgspec reads from text, by the rules by which documents are read."""

    def __init__(self, *, read: Callable[[str], Any], hint: str, **options: Any) -> None:
        super().__init__(**options)
        self.read = read
        self.hint = hint

    def to_python(self, value: Any) -> Any:
        if value is None:
            return None
        try:
            return self.read(value)
        except msgspec.ValidationError:
            # As a parameter, because a hint may hold a percent sign.
            raise forms.ValidationError("%(hint)s", params={"hint": self.hint}) from None


class ValueFilter(Filter):
    """Filters by the value of a column, or by a condition that is made of the value."""

    def __init__(self, *, condition: Callable[[Any], Exists | Q] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.condition = condition

    def filter(self, qs: "QuerySet[Any]", value: Any) -> "QuerySet[Any]":
        if value is None:
            return qs
        if self.condition is not None:
            return qs.filter(self.condition(value))
        wanted = {f"{self.field_name}__{self.lookup_expr}": value}
        return qs.exclude(**wanted) if self.exclude else qs.filter(**wanted)


class TextFilter(ValueFilter):
    field_class = TextField

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(**options)
        extend_schema_field({"type": "string", "description": description})(self)


class TypedFilter(ValueFilter):
    """Filters by a value of the type; hint tells what to send instead of what was not understood."""

    field_class = TypedField

    def __init__(self, description: str, *, type_: Any, hint: str, **options: Any) -> None:
        def read(text: str) -> Any:
            # Strict, or a number would be taken for a time; a boolean is the one type that text is not.
            return msgspec.convert(text, type_, strict=type_ is not bool)

        # A function, not the type: filters are copied deeply, and an annotated type cannot be.
        super().__init__(read=read, hint=hint, **options)
        extend_schema_field({**msgspec.json.schema(type_), "description": description})(self)


class ChoicesField(forms.Field):
    """Several of the choices, each sent as a parameter of its own."""

    widget = forms.SelectMultiple

    def __init__(self, *, known: tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self.known = known

    def to_python(self, value: Any) -> list[str]:
        values = list(value or [])
        if not set(values) <= set(self.known):
            raise forms.ValidationError(f"Send one or more of: {', '.join(self.known)}.")
        return values


class StatusFilter(Filter):
    """Rows that have any of the statuses sent. conditions says what each of them means."""

    field_class = ChoicesField
    repeatable = True

    def __init__(self, description: str, *, conditions: dict[str, Q], **options: Any) -> None:
        super().__init__(known=tuple(conditions), **options)
        self.conditions = conditions
        items = {"type": "string", "enum": list(conditions)}
        extend_schema_field({"type": "array", "items": items, "description": description})(self)

    def filter(self, qs: "QuerySet[Any]", value: list[str]) -> "QuerySet[Any]":
        wanted = Q()
        for status in value:
            wanted |= self.conditions[status]
        return qs.filter(wanted)
