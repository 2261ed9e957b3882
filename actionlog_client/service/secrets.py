"""What is secret among the parameters of an action: by annotation, by type, by name, and in the user part of a URL.

Finding only: the handler gets the real values, the record their marks (payload/hiding.py).
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, get_args, get_origin
from urllib.parse import unquote, urlsplit

from actionlog_client.redaction import names_a_secret

_DEEPEST: Final = 20
_MOST_VALUES: Final = 10_000


class Secret:
    """Marks a parameter whose value is never logged: `def rotate(code: Annotated[str, Secret])`."""


def is_secret(annotation: Any) -> bool:
    """Whether it is Annotated[..., Secret], or a type that hides its value, as pydantic's SecretStr does."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return any(mark is Secret or isinstance(mark, Secret) for mark in marks) or is_secret(inner)
    if get_args(annotation):
        return any(is_secret(part) for part in get_args(annotation))
    return isinstance(annotation, type) and hasattr(annotation, "get_secret_value")


def revealed(value: Any) -> Any:
    """What a value of a type such as SecretStr hides; any other value as it is."""
    reveal = getattr(type(value), "get_secret_value", None)
    try:
        return reveal(value) if callable(reveal) else value
    except Exception:  # a stranger's method
        return value


def known_secrets(parameters: Mapping[str, Any], secret_names: frozenset[str]) -> set[str]:
    """The texts in these parameters that are secret. secret_names: parameters that are secret as a whole.

    Looked for in dictionaries and lists, so deep and so many as a parameter can sensibly be.
    """
    found: set[str] = set()
    budget = [_MOST_VALUES]
    for name, value in parameters.items():
        is_known = name in secret_names or (isinstance(name, str) and names_a_secret(name))
        found.update(_secrets_in(value, is_known, _DEEPEST, budget))
    return {secret for secret in found if secret}


def _secrets_in(value: Any, is_known: bool, depth: int, budget: list[int]) -> Iterator[str]:
    budget[0] -= 1
    if budget[0] < 0 or depth < 0:
        return
    if (hidden := revealed(value)) is not value:
        value, is_known = hidden, True
    if isinstance(value, str):
        if is_known:
            yield value
        elif "://" in value and "@" in value:
            yield from _credentials_in(value)
    elif isinstance(value, bytes | bytearray):
        if is_known:
            yield value.decode("utf-8", "replace")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if is_known:
            yield str(value)
    elif isinstance(value, dict):
        for name, member in list(value.items()):
            known = is_known or (isinstance(name, str) and names_a_secret(name))
            yield from _secrets_in(member, known, depth - 1, budget)
    elif isinstance(value, list | tuple | set | frozenset):
        for member in list(value):
            yield from _secrets_in(member, is_known, depth - 1, budget)


def _credentials_in(url: str) -> Iterator[str]:
    """The password of a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
