"""The latest attempts of one action type with their parameters, read within bounds. What goes with success is worked
out in analytics/parameters."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from analytics.figures import WindowShown, shown
from analytics.from_record.bounds import DURATION_SECONDS, Covered, latest_attempts, parameters_text
from analytics.parameters.cells import Attempt
from analytics.parameters.effectiveness import Effectiveness, effectiveness_of
from analytics.snapshot import one_snapshot
from analytics.windows import Window

MOST_ATTEMPTS: Final = 10_000
MOST_LOOKED_THROUGH: Final = 100_000
# Of one attempt's parameters, stored and as text: what is larger says little about one value.
LARGEST_PARAMETERS: Final = 4_096
MOST_PAIRS: Final = 500

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


class ParameterStatistics(Struct, kw_only=True):
    """Which parameters of an action type go with success: by what engines claim, and by what verdicts say.

    Of its latest attempts that ended in success or failure (claimed), or that have a verdict of either kind (verified):
    at most 10,000. attempts_left_out are those with more than 4 KiB of parameters. Of pairs the 500 with the smallest
    p-values are told; claimed_pairs and verified_pairs are how many there are.
    """

    window: WindowShown
    covered: Covered
    action_type: str
    attempts_left_out: int
    claimed: Effectiveness
    claimed_pairs: int
    verified: Effectiveness
    verified_pairs: int


def parameter_statistics(action_type: str, window: Window, told: Mapping[str, str]) -> ParameterStatistics:
    """The figures of the attempts that started in a window. told: other dimensions by name of a column. Two queries."""
    with one_snapshot():
        found, covered = latest_attempts(
            [
                "status",
                "verdict",
                DURATION_SECONDS,
                "parameters IS NULL",
                parameters_text(LARGEST_PARAMETERS),
            ],
            window,
            {**told, "action_type": action_type},
            condition="status IN ('success', 'failed') OR verdict IN ('worked', 'no_effect', 'made_worse')",
            most=MOST_ATTEMPTS,
            look_through=MOST_LOOKED_THROUGH,
        )
    claimed: list[Attempt] = []
    verified: list[Attempt] = []
    left_out = 0
    for _, status, verdict, seconds, untold, text in found:
        if text is None and not untold:
            left_out += 1
            continue
        parameters = {} if text is None else _decode(text)
        if status in ("success", "failed"):
            claimed.append((parameters, status == "success", seconds))
        if verdict in ("worked", "no_effect", "made_worse"):
            verified.append((parameters, verdict == "worked", seconds))
    by_claim, by_verdict = effectiveness_of(claimed), effectiveness_of(verified)
    return ParameterStatistics(
        window=shown(window),
        covered=covered,
        action_type=action_type,
        attempts_left_out=left_out,
        claimed=_told(by_claim),
        claimed_pairs=len(by_claim.pairs),
        verified=_told(by_verdict),
        verified_pairs=len(by_verdict.pairs),
    )


def _told(found: Effectiveness) -> Effectiveness:
    return msgspec.structs.replace(found, pairs=found.pairs[:MOST_PAIRS])
