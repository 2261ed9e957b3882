"""What holds for every table of the record in the admin: investigators see it, and nobody changes it."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access.groups import INVESTIGATORS, OPERATORS
from analytics.models import (
    FailureFingerprint,
    FailurePattern,
    FailurePatternKey,
    MetricRecount,
    MetricSummary,
    PatternChange,
    Regrouping,
    ResolutionMetric,
)
from analytics.tests.factories import (
    make_change,
    make_metric,
    make_pattern,
    make_recount,
    make_regrouping,
    make_summary,
)
from attempts.models import ActionAttempt, ActionLog, ActionLogEntry, Refusal
from attempts.tests.factories import make_attempt, make_refusal, make_step
from engines.models import EngineJournal
from engines.tests.factories import make_journal
from resolutions.models import FeedEntry, ImportedFile, ResolutionAttempt, Verdict
from resolutions.tests.factories import make_feed_entry, make_imported_file, make_resolution, make_verdict

pytestmark = pytest.mark.django_db

RECORD = ("attempts", "engines", "resolutions", "analytics")
_quarters = count()


def make_entry() -> ActionLogEntry:
    step = make_step(make_attempt(), details={"a": [1]})
    return ActionLogEntry.objects.get(attempt_id=step.attempt_id, sequence=step.sequence)


def make_another_recount() -> MetricRecount:
    return make_recount(bucket_start=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * next(_quarters)))


ROWS: dict[type[Model], Callable[[], Model]] = {
    ActionAttempt: lambda: make_attempt(resolution_id=uuid.uuid4(), parameters={"a": 1}),
    ActionLogEntry: make_entry,
    Refusal: make_refusal,
    EngineJournal: make_journal,
    ResolutionAttempt: lambda: make_resolution(summary={"a": 1}),
    Verdict: lambda: make_verdict(attempt=make_attempt(), note="still slow"),
    FeedEntry: lambda: make_feed_entry(attempt_ids=[uuid.uuid4()], resolution_ids=[uuid.uuid4()]),
    ImportedFile: make_imported_file,
    ResolutionMetric: lambda: make_metric(durations=[1, 2]),
    MetricRecount: make_another_recount,
    MetricSummary: make_summary,
    FailurePattern: lambda: make_pattern(uuid.uuid4()),
    FailurePatternKey: lambda: make_pattern(uuid.uuid4()).keys.get(),
    FailureFingerprint: lambda: make_pattern(uuid.uuid4()).fingerprints.get(),
    PatternChange: make_change,
    Regrouping: make_regrouping,
}
every_table = pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)


def address(model: type[Model], page: str, row: Model | None = None) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=[] if row is None else [quote(str(row.pk))])


@pytest.fixture
def investigator() -> Client:
    user = User.objects.create_user("ines", is_staff=True)
    user.groups.add(Group.objects.get(name=INVESTIGATORS))
    client = Client()
    client.force_login(user)
    return client


def test_the_tests_below_cover_every_table_of_the_record_in_the_admin() -> None:
    registered = {model for model in admin.site._registry if model._meta.app_label in RECORD}
    assert registered == set(ROWS)


@every_table
def test_an_investigator_sees_lists_and_pages(investigator: Client, model: type[Model]) -> None:
    row = ROWS[model]()
    listing = investigator.get(address(model, "changelist"))
    assert listing.status_code == 200
    assert [found.pk for found in listing.context["cl"].result_list] == [row.pk]
    assert investigator.get(address(model, "change", row)).status_code == 200
    assert investigator.get(address(model, "changelist"), {"q": "nothing like it"}).status_code == 200
    assert investigator.get(address(model, "changelist"), {"q": str(uuid.uuid4())}).status_code == 200


@every_table
@pytest.mark.parametrize("who", ["investigator", "admin_client"])
def test_nobody_changes_anything_not_even_a_superuser(
    who: str, model: type[Model], request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    row = ROWS[model]()
    before = model._default_manager.values().get(pk=row.pk)
    told: dict[str, Any] = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes", "status": "x"}
    for page, args in (("changelist", None), ("add", None), ("change", row), ("delete", row)):
        assert client.post(address(model, page, args), told).status_code == 403, page
    assert client.get(address(model, "add")).status_code == 403
    assert client.get(address(model, "delete", row)).status_code == 403
    assert "delete_selected" not in client.get(address(model, "changelist")).content.decode()
    assert model._default_manager.values().get(pk=row.pk) == before
    assert model._default_manager.count() == 1


@every_table
def test_staff_without_permission_and_users_who_are_not_staff_see_nothing(model: type[Model]) -> None:
    row = ROWS[model]()
    outsider = User.objects.create_user("olga")
    outsider.groups.add(Group.objects.get(name=INVESTIGATORS))
    client = Client()
    for page in (address(model, "changelist"), address(model, "change", row)):
        client.force_login(outsider)
        assert client.get(page).status_code == 302
        client.force_login(User.objects.get_or_create(username="staff", is_staff=True)[0])
        assert client.get(page).status_code == 403
        client.logout()
        assert client.get(page).status_code == 302


@every_table
def test_queries_of_a_list_do_not_grow_with_its_rows(admin_client: Client, model: type[Model]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(address(model, "changelist")).status_code == 200
        return len(captured)

    ROWS[model]()
    queries()  # what Django caches once a process is not counted
    few = queries()
    for _ in range(30):
        ROWS[model]()
    assert queries() == few


@every_table
def test_every_filter_offered_can_be_followed(admin_client: Client, model: type[Model]) -> None:
    ROWS[model]()
    listing = admin_client.get(address(model, "changelist")).context["cl"]
    followed = [
        (admin_client.get(address(model, "changelist") + choice["query_string"]), choice["query_string"])
        for spec in listing.filter_specs
        for choice in spec.choices(listing)
    ]
    for response, query in followed:
        # A filter that Django does not accept is answered with a redirect to ?e=1.
        assert response.status_code == 200, query


@every_table
def test_a_list_neither_looks_for_distinct_values_nor_counts_without_bound(
    admin_client: Client, model: type[Model]
) -> None:
    ROWS[model]()
    with CaptureQueriesContext(connection) as captured:
        admin_client.get(address(model, "changelist"))
    asked = [query["sql"] for query in captured if f'FROM "{model._meta.db_table}"' in query["sql"]]
    counts = [statement for statement in asked if "COUNT(" in statement]
    assert counts
    assert all("LIMIT" in statement for statement in counts)
    assert not any("DISTINCT" in statement for statement in asked)


def test_the_group_may_view_every_table_of_the_record_and_do_nothing_else() -> None:
    group = Group.objects.get(name=INVESTIGATORS)
    granted = set(group.permissions.values_list("content_type__app_label", "codename"))
    models: list[type[Model]] = [*ROWS, ActionLog]
    assert granted >= {(model._meta.app_label, f"view_{model._meta.model_name}") for model in models}
    assert {label for label, _ in granted} == set(RECORD)
    assert all(codename.startswith("view_") for _, codename in granted)


def test_operators_get_what_the_apps_name_and_nothing_else() -> None:
    group = Group.objects.get(name=OPERATORS)
    granted = set(group.permissions.values_list("content_type__app_label", "codename"))
    assert granted >= {("resolutions", "add_verdict"), ("analytics", "change_failurepattern")}
    assert not [name for _, name in granted if name.startswith(("delete_", "view_"))]


def test_migrating_again_gives_back_what_was_taken_from_the_group() -> None:
    group = Group.objects.get(name=INVESTIGATORS)
    before = set(group.permissions.values_list("pk", flat=True))
    group.permissions.clear()
    call_command("migrate", verbosity=0)
    assert set(group.permissions.values_list("pk", flat=True)) == before


@pytest.mark.django_db(transaction=True)
def test_the_group_is_there_again_after_a_flush() -> None:
    before = Group.objects.get(name=INVESTIGATORS).permissions.count()
    call_command("flush", interactive=False, verbosity=0)
    assert Group.objects.get(name=INVESTIGATORS).permissions.count() == before > 0


def test_the_admin_is_named_after_the_site(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "Actionlog</a>" in page
    assert "<title>The record | Actionlog</title>" in page
