"""Numbers from the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from actionlog_site.numbers import positive_number

NAME = "REOPEN_WITHIN_HOURS"


@pytest.mark.parametrize(("told", "number"), [(None, 24), ("", 24), ("36", 36), ("0.5", 0.5), ("1e2", 100)])
def test_what_is_set_counts_and_else_the_default(
    told: str | None, number: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    if told is not None:
        monkeypatch.setenv(NAME, told)
    assert positive_number(NAME, default=24, most=100) == number


@pytest.mark.parametrize("told", ["a day", "0", "-1", "nan", "inf", "101"])
def test_anything_else_is_refused_with_what_to_do(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, told)
    with pytest.raises(ImproperlyConfigured, match=r"REOPEN_WITHIN_HOURS is .* up to 100"):
        positive_number(NAME, default=24, most=100)
