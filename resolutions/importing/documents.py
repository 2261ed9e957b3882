"""Makes of one file what is to be recorded, or says why not. Writes nothing."""

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from access.errors import ApiError
from attempts.limits import limits
from attempts.submissions import TAKEN, Submission
from resolutions.decoding import decode_single
from resolutions.importing.folder import FoundFile, read
from resolutions.importing.times import STEP_TIMES, TIMES, put_in_zone

_UTC: Final = ZoneInfo("UTC")
_REMEDY: Final = "Name the zone of such times by --assume-timezone, for example --assume-timezone UTC."
_check_json: Final = msgspec.json.Decoder(msgspec.Raw).decode


@dataclass(slots=True)
class Import:
    """One file on its way into the record: its submission, or the problem because of which it has none."""

    file: FoundFile
    submission: Submission[Any] | None = None
    problem: str | None = None
    lacks_offset: bool = False

    @property
    def reason(self) -> str | None:
        """Why the file is a bad one, once its submission was told its outcome; None for a good one."""
        if self.submission is None:
            return self.problem
        error = self.submission.error
        if self.submission.outcome in TAKEN or error is None:
            return None
        reason = f"{error['path']}: {error['message']}" if error["path"] else error["message"]
        return f"{reason} {_REMEDY}" if self.lacks_offset else reason


def open_import(file: FoundFile, zone: ZoneInfo | None) -> Import | None:
    """Read and decode one file, times without an offset in this zone; None when it has vanished."""
    if file.problem is not None:
        return Import(file, problem=file.problem)
    if file.size > limits().document_bytes:
        return Import(file, problem=f"The file is larger than {limits().document_bytes} bytes.")
    try:
        source = read(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Import(file, problem=f"This file cannot be read: {error.strerror}.")
    try:
        return _decode(file, source, zone)
    except ApiError as error:
        return Import(file, problem=error.message)


def _decode(file: FoundFile, source: bytes, zone: ZoneInfo | None) -> Import:
    if zone is not None:
        source = put_in_zone(source, zone) or source
    submission = decode_single("action_attempt", source, None)
    if submission.error is not None and not _is_json(source):
        # Half written perhaps, and nothing that an engine said: listed, but not kept among the refused documents.
        return Import(file, problem=submission.error["message"])
    lacks_offset = (
        submission.error is not None
        and submission.error["field"] in (*TIMES, *STEP_TIMES)
        and put_in_zone(source, _UTC) is not None
    )
    return Import(file, submission, lacks_offset=lacks_offset)


def _is_json(source: bytes) -> bool:
    try:
        _check_json(source)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
