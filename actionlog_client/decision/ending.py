"""How a plan that was carried out ends its resolution: the status, the root cause, and what its summary says. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from actionlog_client.decision.course import Course, Step, with_reason
from actionlog_client.resolution import ResolutionStatus

# Tells in a summary that overall_success is not worked out from the outcomes of the attempts. The server compares
# overall_success only where no such thing is told (resolutions/summary.py).
INCIDENT_OVER: Final = {"overall_success_means": "incident_over"}


@dataclass(frozen=True, slots=True)
class Ending:
    """summary: the members beside the counts, which are the resolution's own."""

    status: ResolutionStatus
    root_cause: str | None
    summary: dict[str, Any]


def ending_of(counted: dict[str, Any], course: Course, plan: list[Step], symptoms: Any) -> Ending:
    """counted: what the resolution summarizes."""
    summary: dict[str, Any] = {"actions_planned": len(plan), "policy": course.policy.facts()}
    if symptoms is not None:
        summary["symptoms"] = symptoms
    if course.policy.until is not None:
        summary |= {"overall_success": course.over, **INCIDENT_OVER}
    if course.unanswered:
        summary["until_raised"] = {"times": course.unanswered, "last": course.last_error}
    if course.stopped is not None:
        summary["stopped_because"] = course.stopped
    status, escalation_reason = _status_of(counted, course, is_empty=not plan)
    if escalation_reason is not None:
        summary["escalation_reason"] = escalation_reason
    return Ending(status, _root_cause_of(course, plan) if status == "resolved" else None, summary)


def _status_of(counted: dict[str, Any], course: Course, *, is_empty: bool) -> tuple[ResolutionStatus, str | None]:
    """And why it is escalated, if it is."""
    if course.over:
        return "resolved", None
    if course.unsure is not None:
        return "escalated", course.unsure
    if is_empty:
        return "escalated", "No action was recommended."
    if course.policy.until is not None:
        return "escalated", f"{with_reason('The incident is not over', course.why)}."
    if counted["actions_failed"] or counted["actions_cancelled"]:
        return ("resolved" if course.all_came_to_success and counted["overall_success"] else "failed"), None
    if course.all_came_to_success:
        return "resolved", None
    return "escalated", course.stopped or "Not every action could be run."


def _root_cause_of(course: Course, plan: list[Step]) -> str | None:
    """What was wrong, by the recommendations that came to success; a retry may tell another than its first."""
    helped = [action for (_, action), result in zip(plan, course.results, strict=True) if result.success]
    causes = [
        plan[action.action][1].root_cause if action.root_cause is None else action.root_cause for action in helped
    ]
    texts = [course.hidden(cause) for cause in causes if cause is not None]
    return "; ".join(dict.fromkeys(texts)) or None
