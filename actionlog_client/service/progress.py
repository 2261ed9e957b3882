"""How far a running action has come, as steps of its attempt: not more of them than a person can read."""

import math
import threading
import time
from typing import Any, Final
from weakref import WeakKeyDictionary

from actionlog_client.attempt import ActionAttempt, current_attempt

# Between two reports of one attempt. The first one, and the first of 1.0, are always told.
SECONDS_BETWEEN: Final = 0.5

# When something was last told of an attempt, and what.
_last: "WeakKeyDictionary[ActionAttempt, tuple[float, float]]" = WeakKeyDictionary()
_lock: Final = threading.Lock()


def progress(fraction: float, message: Any = None, *, attempt: ActionAttempt | None = None) -> bool:
    """Tell that the current attempt, or another, has come so far: 0 to 1. Whether it was told, and not too soon.

    Never raises; without an attempt it does nothing.
    """
    attempt = attempt or current_attempt()
    if attempt is None or attempt.is_final:
        return False
    try:
        told = min(max(float(fraction), 0.0), 1.0)
    except (TypeError, ValueError, OverflowError):
        told = math.nan
    if math.isnan(told):
        return False
    now = time.monotonic()
    with _lock:
        told_at, fraction_told = _last.get(attempt, (-math.inf, 0.0))
        is_end = told == 1 and fraction_told < 1
        if now - told_at < SECONDS_BETWEEN and not is_end:
            return False
        _last[attempt] = now, told
    attempt.log_step("progress", "in_progress", {"fraction": told, "message": message})
    return True
