"""What never reaches the disk: the redactor of this installation, and the rules as the client defines them.

The rules stand in actionlog_client/redaction.py, because the client redacts by them before it writes, and imports
nothing of the server (docs/adr/one-redaction.md). validation.py applies them.
"""

from functools import cached_property
from typing import Final

from django.conf import settings

from actionlog_client.redaction import TEXT_TRIGGERS, Redactor, triggers_in

__all__ = ["TEXT_TRIGGERS", "Redactor", "redactor", "triggers_in"]


class _Shared:
    @cached_property
    def redactor(self) -> Redactor:
        return Redactor.of_text(settings.REDACTION_KEY)


_shared: Final = _Shared()


def redactor() -> Redactor:
    """The redactor of this installation. REDACTION_KEY must stay the same for marks to stay the same."""
    return _shared.redactor
