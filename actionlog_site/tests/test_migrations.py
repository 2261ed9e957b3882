"""Every migration of ours goes forward and back again, and the models are what the migrations make."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql
from pytest_django import DjangoDbBlocker

OURS = ("access", "attempts", "engines", "resolutions", "analytics")
SCRATCH = "scratch"

SCHEMA = """
SELECT 'column', table_name, column_name, concat_ws(' ', data_type, character_maximum_length, is_nullable,
       column_default, generation_expression)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'view', viewname, '', definition FROM pg_views WHERE schemaname = 'public'
ORDER BY 1, 2, 3, 4
"""


@pytest.fixture
def scratch(django_db_blocker: DjangoDbBlocker, django_db_setup: None) -> Iterator[str]:
    """An empty database of this test's own, under the alias SCRATCH."""
    told: dict[str, Any] = dict(settings.DATABASES["default"])
    name = f"{connections['default'].settings_dict['NAME']}_{SCRATCH}"
    maintenance = psycopg.connect(
        dbname="postgres",
        user=told["USER"] or None,
        password=told["PASSWORD"] or None,
        host=told["HOST"] or None,
        port=told["PORT"] or None,
        autocommit=True,
    )
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    options = {key: value for key, value in told["OPTIONS"].items() if key != "pool"}
    with maintenance, django_db_blocker.unblock():
        maintenance.execute(drop)
        maintenance.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        connections.settings[SCRATCH] = {**connections.settings["default"], "NAME": name, "OPTIONS": options}
        try:
            yield SCRATCH
        finally:
            connections[SCRATCH].close()
            del connections[SCRATCH]
            del connections.settings[SCRATCH]
            maintenance.execute(drop)


def schema(database: str) -> list[tuple[Any, ...]]:
    with connections[database].cursor() as cursor:
        cursor.execute(SCHEMA)
        return list(cursor.fetchall())


def applied_in_order(database: str) -> list[tuple[str, str]]:
    """Every migration, in the order in which migrate applies them."""
    executor = MigrationExecutor(connections[database])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    return [(migration.app_label, migration.name) for migration, _ in plan]


def test_every_migration_of_ours_can_be_undone_and_done_again(scratch: str) -> None:
    call_command("migrate", database=scratch, verbosity=0)
    ours = [key for key in applied_in_order(scratch) if key[0] in OURS]
    assert {app for app, _ in ours} == set(OURS)
    whole = schema(scratch)
    before: list[tuple[tuple[str, str], list[tuple[Any, ...]]]] = []
    for app, name in reversed(ours):
        before.append(((app, name), schema(scratch)))
        earlier = [other for label, other in ours if label == app and other < name]
        call_command("migrate", app, max(earlier, default="zero"), database=scratch, verbosity=0)
    left = {row[1] for row in schema(scratch)}
    assert not [table for table in left if not table.startswith(("auth_", "django_"))], (
        "what undoing every migration leaves behind"
    )
    for (app, name), expected in reversed(before):
        call_command("migrate", app, name, database=scratch, verbosity=0)
        assert schema(scratch) == expected, f"{app} {name} makes something else the second time"
    assert schema(scratch) == whole


@pytest.mark.django_db
def test_no_model_change_waits_for_a_migration() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_patterns_that_were_there_do_not_stand_in_the_way(scratch: str) -> None:
    """As after a migration that was undone: PostgreSQL alters no table whose foreign keys wait to be checked."""
    call_command("migrate", "analytics", "0006", database=scratch, verbosity=0)
    with connections[scratch].cursor() as cursor:
        cursor.execute(
            "INSERT INTO failure_patterns (pattern_id, action_type, template, created_at, state, state_changed_by,"
            " occurrences, incidents) VALUES (md5('a')::uuid, 't', 'disk full', now(), 'new', '', 0, 0)"
        )
    call_command("migrate", "analytics", "0005", database=scratch, verbosity=0)
    call_command("migrate", "analytics", "0006", database=scratch, verbosity=0)
    with connections[scratch].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM failure_patterns")
        assert cursor.fetchone() == (0,)
