"""What the demonstration says on the terminal: lines that are read while they scroll."""

import os
import sys
from datetime import datetime
from typing import Final, TextIO

from actionlog_client.service import ActionResult
from demonstration.engine.engine import Resolution
from demonstration.laboratory.faults import Fault
from demonstration.laboratory.monitor import Symptom

COLOURS: Final = {
    "success": "32",
    "resolved": "32",
    "failed": "31",
    "escalated": "35",
    "skipped": "2",
    "cancelled": "2",
    "faint": "2",
    "loud": "1",
}
MESSAGE_LENGTH: Final = 100


class Terminal:
    """Colours only on a terminal, and not where NO_COLOR asks for none."""

    def __init__(self, output: TextIO = sys.stdout) -> None:
        self._output = output
        self._coloured = output.isatty() and not os.environ.get("NO_COLOR")

    def say(self, line: str = "") -> None:
        print(line, file=self._output, flush=True)

    def incident(self, incident_id: str, fault: Fault, symptoms: list[Symptom]) -> None:
        first = symptoms[0]
        self.say()
        self.say(
            f"{datetime.now().astimezone():%H:%M:%S}  {self._in('loud', incident_id)}  {first.title}"
            f"  ({first.kind}, {first.severity})"
        )
        for other in symptoms[1:]:
            self.say(f"          and: {other.title}  ({other.kind}, {other.severity})")
        self.say(self._in("faint", f"          What the engine does not know: {fault.cause}."))

    def attempted(self, result: ActionResult) -> None:
        seconds = result.duration_seconds or 0.0
        line = f"          {result.action_type:<29} {self._in(result.status, f'{result.status:<8}')} {seconds:6.2f} s"
        if result.error_message:
            message = " ".join(result.error_message.split())
            line += "  " + (message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…")
        self.say(line)

    def resolution(self, resolution: Resolution) -> None:
        summary = resolution.summary
        told = f"{summary['actions_attempted']} tried, {summary['actions_successful']} helped"
        after = f"{summary['duration_seconds']:.1f} s"
        resolved = resolution.status == "resolved"
        ending = f"it seems that {resolution.root_cause}" if resolved else "somebody mends it by hand"
        self.say(f"          => {self._in(resolution.status, resolution.status)} after {after}: {told}; {ending}.")

    def _in(self, colour: str, text: str) -> str:
        return f"\033[{COLOURS[colour]}m{text}\033[0m" if self._coloured and colour in COLOURS else text
