"""What the first start makes, and what a later one mends."""

from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from access.keys import create_key, revoke_key
from access.queries import find_key
from actionlog_site.first_run import prepare

pytestmark = pytest.mark.django_db


def test_the_first_user_may_do_everything_and_signs_in_with_the_kept_password(home: Path) -> None:
    first = prepare(home)
    assert first.operator.is_superuser
    assert first.operator.is_staff
    assert first.password_file == home / "operator-password"
    assert authenticate(username="operator", password=(home / "operator-password").read_text()) == first.operator


def test_the_first_key_may_write_and_read_for_any_engine(home: Path) -> None:
    key = find_key(prepare(home).key_file.read_text())
    assert key is not None
    assert key.scopes == {"ingest", "read"}
    assert key.engine is None


def test_a_second_time_changes_nothing(home: Path) -> None:
    first = prepare(home)
    before = {path.name: path.read_text() for path in home.iterdir()}
    second = prepare(home)
    assert second.operator == first.operator
    assert second.notices == ()
    assert {path.name: path.read_text() for path in home.iterdir()} == before


def test_a_lost_key_is_made_anew_and_told(home: Path) -> None:
    key_file = prepare(home).key_file
    key_file.unlink()
    (notice,) = prepare(home).notices
    assert str(key_file) in notice
    assert find_key(key_file.read_text()) is not None


def test_a_revoked_key_is_replaced_and_told(home: Path) -> None:
    key_file = prepare(home).key_file
    key, text = create_key(name="revoked", scopes=["ingest", "read"])
    revoke_key(key=key)
    key_file.write_text(text)
    (notice,) = prepare(home).notices
    assert str(key_file) in notice
    assert find_key(key_file.read_text()) is not None


def test_a_key_of_another_database_is_replaced_and_told(home: Path) -> None:
    (home / "api-key").write_text("alk_unknown-here")
    (notice,) = prepare(home).notices
    assert "not, or no longer, valid" in notice
    assert find_key((home / "api-key").read_text()) is not None


def test_the_password_of_an_earlier_database_goes_on_to_work(home: Path) -> None:
    (home / "operator-password").write_text("as it was before\n")
    assert authenticate(username="operator", password="as it was before") is None
    assert prepare(home).operator == authenticate(username="operator", password="as it was before")


def test_a_password_that_the_operator_has_set_is_never_replaced(home: Path) -> None:
    user = User.objects.create_superuser("operator", password="of my own choice")
    first = prepare(home)
    assert first.password_file is None
    assert "changepassword" in first.notices[0]
    assert authenticate(username="operator", password="of my own choice") == user
    assert not (home / "operator-password").exists()
