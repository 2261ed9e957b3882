"""The signal that resolution attempts send. Its rules are those of attempts.signals.

resolutions_recorded(changes: list[ResolutionChange]) is sent once in a recording transaction, before it commits.
"""

from django.dispatch import Signal

resolutions_recorded = Signal()
