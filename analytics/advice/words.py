"""What an advice comes to, in one or two sentences for people and logs. Pure."""

from collections.abc import Sequence

from analytics.advice.answer import Chance, TriedAction
from analytics.advice.estimate import Advice

NO_EVIDENCE = "No evidence"


def message_of(action_type: str | None, window: str, actions: Sequence[TriedAction], chance: Chance | None) -> str:
    """It begins with "No evidence" when there is none."""
    if action_type is None or chance is None:
        return _of_actions(actions, window)
    claimed, verified = chance.claimed, chance.verified
    if not claimed.has_evidence and not verified.has_evidence:
        return f"{NO_EVIDENCE}: no attempt of {action_type!r} ended in the last {window}."
    told = f"{action_type!r} is expected to succeed with {_in_words(claimed)} by what engines claimed"
    if not claimed.has_evidence:
        told = f"No engine told how {action_type!r} ended"
    if not verified.has_evidence:
        return f"{told}; no verdict says whether it really works."
    return f"{told}, and to really work with {_in_words(verified)} by verdicts."


def _of_actions(actions: Sequence[TriedAction], window: str) -> str:
    if not actions:
        return f"{NO_EVIDENCE}: no attempt on such an incident ended in the last {window}."
    best = actions[0]
    told = f"{len(actions)} action type{'s were' if len(actions) > 1 else ' was'} tried on such incidents"
    if best.claimed.n:
        told += f"; the surest is {best.action_type!r}, with {best.claimed.successes} successes of {best.claimed.n}"
    if not any(action.verified.n for action in actions):
        told += "; no verdict says whether any really worked"
    return f"{told}."


def _in_words(advice: Advice) -> str:
    return f"{advice.chance:.0%} ({advice.low:.0%} to {advice.high:.0%})"
