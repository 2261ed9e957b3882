"""An engine's decision carried out: the plan is on record before it runs, and what came of it is the summary.

engine = DecisionEngine(service, Policy(until=lambda situation: pool_answers()))
summary = engine.execute_automated_actions(
    {"incident_id": "inc_001", "severity": "high"},
    [
        {"action_type": "drain_pool", "reason": "it costs nothing", "root_cause": "idle connections were kept"},
        {"action_type": "restart_pool", "reason": "if that does not help"},
    ],
    confidence=0.9,
)
summary["overall_success"], summary["actions_attempted"], summary["status"]
"""

from actionlog_client.decision.engine import DecisionEngine
from actionlog_client.decision.policy import Policy, Situation

__all__ = ["DecisionEngine", "Policy", "Situation"]
