"""The journals of engine instances, and what of them has arrived. engines.recording is their only writer."""

import uuid

from django.db import models
from django.db.models import F, Func, Q

from attempts.models import told_text
from engines.numbers import WRITTEN, NumbersField
from engines.records import LARGEST_NUMBER


def _holds(template: str, operator: str, *sides: models.expressions.Combinable) -> Func:
    # The names in the order of the alphabet, as migrations write them: Django compares them in their order.
    return Func(*sides, arg_joiner=operator, output_field=models.BooleanField(), template=template)


class EngineJournal(models.Model):
    """The journal of one process of an engine. Its numbers run from 1 to written.

    There is no index on last_heard_at: each report changes it, and without one the new version of the row stays on its
    page (a heap-only update); there are as many rows as there were processes, which a list may read.
    """

    journal_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    engine = told_text()
    engine_version = told_text()
    client_version = told_text()
    host = told_text()
    process_id = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    first_heard_at = models.DateTimeField()
    last_heard_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    written = models.BigIntegerField()
    stored = NumbersField(default=list)
    refused = NumbersField(default=list)
    recorded_by = models.ForeignKey(
        "access.ApiKey",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        db_column="recorded_by",
        related_name="+",
    )

    class Meta:
        db_table = "engine_journals"
        constraints = [
            models.CheckConstraint(
                condition=Q(written__range=(0, LARGEST_NUMBER)), name="engine_journals_written_in_range"
            ),
            models.CheckConstraint(
                condition=_holds("(%(expressions)s)", " <@ ", F("stored"), WRITTEN),
                name="engine_journals_stored_was_written",
            ),
            models.CheckConstraint(
                condition=_holds("(%(expressions)s)", " <@ ", F("refused"), WRITTEN),
                name="engine_journals_refused_was_written",
            ),
            models.CheckConstraint(
                condition=_holds("(NOT %(expressions)s)", " && ", F("stored"), F("refused")),
                name="engine_journals_stored_is_not_refused",
            ),
            models.CheckConstraint(
                condition=Q(last_heard_at__gte=F("first_heard_at")), name="engine_journals_heard_first_then_last"
            ),
        ]

    def __str__(self) -> str:
        return f"journal {self.journal_id}"
