"""Would the advice have been right? Replays recorded sessions and asks before each action, knowing what ended before.

    python -m benchmarks.advice FILE... [--json]

For each file alone, and for all files as one record ("all"), prints the number of predictions, the Brier score of the
advice (mean squared error; Brier, "Verification of Forecasts Expressed in Terms of Probability", 1950; lower is better)
beside those of two running base rates, that of all actions and that of the action type, and the expected calibration
error of the advice (Naeini, Cooper, Hauskrecht, AAAI 2015; 10 bins of equal width). Before any action ended, base rates
and advice say 0.5; of an action type that never ended, its base rate is that of all actions. Nothing is fitted
beforehand: each replay starts from nothing. Exits with 1 when something could not be read.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from benchmarks.advice_replay import Action, Prediction, actions_of, predictions
from benchmarks.recordings import RecordingError, read_lines

ALL: Final = "all"
BINS: Final = 10


@dataclass(frozen=True)
class Scores:
    """What --json prints of one replay; null where there was nothing to predict."""

    brier: float | None
    brier_overall: float | None
    brier_action_type: float | None
    ece: float | None
    n: int


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    faults: list[str] = []
    replays = {_name(path, options.files): _read(path, faults) for path in options.files}
    scores = {name: scores_of(list(predictions(actions))) for name, actions in replays.items()}
    together = [action for actions in replays.values() for action in actions]
    # Of a single file the replay would be the same again.
    scores[ALL] = scores_of(list(predictions(together))) if len(replays) > 1 else next(iter(scores.values()))
    print(_table(scores))
    for fault in faults:
        print(fault, file=sys.stderr)
    if options.json:
        print(json.dumps({name: asdict(found) for name, found in scores.items()}))
    return 1 if faults else 0


def scores_of(made: Sequence[Prediction]) -> Scores:
    if not made:
        return Scores(None, None, None, None, 0)
    return Scores(
        brier=fmean((one.advice - one.success) ** 2 for one in made),
        brier_overall=fmean((one.overall - one.success) ** 2 for one in made),
        brier_action_type=fmean((one.action_type - one.success) ** 2 for one in made),
        ece=_calibration_error(made),
        n=len(made),
    )


def _calibration_error(made: Sequence[Prediction]) -> float:
    """The mean over the bins of |mean chance told - share that succeeded|, weighted by how many are in each."""
    bins: list[list[Prediction]] = [[] for _ in range(BINS)]
    for one in made:
        bins[min(int(one.advice * BINS), BINS - 1)].append(one)
    return sum(abs(sum(one.advice - one.success for one in members)) for members in bins) / len(made)


def _read(path: Path, faults: list[str]) -> list[Action]:
    actions: list[Action] = []
    try:
        for line in read_lines(path):
            try:
                actions += actions_of(line.session())
            except RecordingError as error:
                faults.append(str(error))
    except (OSError, EOFError, zlib.error) as error:
        faults.append(f"{path} cannot be read, or not to its end: {error}")
    return actions


def _name(path: Path, paths: Sequence[Path]) -> str:
    """The file's name; its whole path where two have that name, or it would be taken for all files."""
    alone = [other.name for other in paths].count(path.name) == 1 and path.name != ALL
    return path.name if alone else str(path)


def _table(scores: dict[str, Scores]) -> str:
    width = max(len(name) for name in scores)
    lines = [f"{'Brier score':{width}}  {'n':>7}  advice  overall  by type  better by  calibration error"]
    for name, found in scores.items():
        if found.brier is None or found.brier_overall is None or found.brier_action_type is None:
            lines.append(f"{name:{width}}  {0:7}  nothing to predict")
            continue
        best = min(found.brier_overall, found.brier_action_type)
        gained = f"{1 - found.brier / best:9.1%}" if best else f"{'':9}"
        lines.append(
            f"{name:{width}}  {found.n:7,}  {found.brier:.4f}  {found.brier_overall:7.4f}"
            f"  {found.brier_action_type:7.4f}  {gained}  {found.ece:17.4f}"
        )
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advice", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recorded sessions, JSON lines, plain or .gz"
    )
    parser.add_argument(
        "--json", action="store_true", help="end with one line of JSON: the scores by file name, and all"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
