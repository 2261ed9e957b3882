"""The table of resolution attempts as attempts.storage moves rows to and from it."""

from typing import Final

from attempts.storage import Table
from resolutions.rows import ResolutionRow

RESOLUTIONS: Final = Table("resolution_attempts", ResolutionRow, ["resolution_id"])
