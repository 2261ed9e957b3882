"""The signals that resolution attempts send. Their rules are those of attempts.signals.

resolutions_recorded(changes: list[ResolutionChange]) is sent once in a recording transaction, before it commits, and
then incidents_recorded(changes: list[IncidentChange]), where something changed that decides how an incident ended.
"""

from django.dispatch import Signal

resolutions_recorded = Signal()
incidents_recorded = Signal()
