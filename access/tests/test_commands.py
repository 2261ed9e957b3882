"""The commands that make and revoke keys and print sign-in links."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from access.keys import create_key
from access.models import ApiKey
from access.queries import find_key
from access.sign_in_links import use_sign_in_link

pytestmark = pytest.mark.django_db


def run(*words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_create_api_key_prints_the_key_alone() -> None:
    out, err = run("create_api_key", "engine", "--scope", "ingest", "--scope", "read", "--engine", "healer")
    key = find_key(out.strip())
    assert key is not None
    assert (key.name, key.scopes, key.engine) == ("engine", frozenset({"ingest", "read"}), "healer")
    assert out.strip() not in err
    assert "engine" in err


@pytest.mark.parametrize("words", [["engine"], ["engine", "--scope", "everything"], ["", "--scope", "read"]])
def test_create_api_key_refuses(words: list[str]) -> None:
    with pytest.raises(CommandError):
        run("create_api_key", *words)
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("by", ["prefix", "name"])
def test_revoke_api_key(by: str) -> None:
    row, token = create_key(name="engine", scopes=["read"])
    _, kept = create_key(name="other", scopes=["read"])
    run("revoke_api_key", getattr(row, by))
    assert find_key(token) is None
    assert find_key(kept) is not None


def test_revoke_api_key_does_not_guess_between_two() -> None:
    first, token = create_key(name="engine", scopes=["read"])
    second, _ = create_key(name="engine", scopes=["read"])
    with pytest.raises(CommandError, match=first.prefix):
        run("revoke_api_key", "engine")
    assert find_key(token) is not None
    run("revoke_api_key", second.prefix)
    # The name is now that of one active key.
    run("revoke_api_key", "engine")
    assert find_key(token) is None


def test_revoke_api_key_says_when_there_is_none() -> None:
    with pytest.raises(CommandError, match="'nobody'"):
        run("revoke_api_key", "nobody")


def test_sign_in_link_prints_the_link_alone(operator: User) -> None:
    out, err = run("sign_in_link", "operator")
    assert "operator" in err
    token = out.strip().removeprefix("/sign-in/link/").removesuffix("/")
    assert use_sign_in_link(token) == operator


def test_sign_in_link_refuses_unknown_and_inactive_users(operator: User) -> None:
    User.objects.update(is_active=False)
    for name in ("operator", "nobody"):
        with pytest.raises(CommandError, match=name):
            run("sign_in_link", name)
