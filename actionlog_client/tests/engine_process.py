"""An engine to be killed: logs without end, and says on stdout which calls have returned.

    python -m actionlog_client.tests.engine_process INCIDENT [threads] [most attempts]

A line "start ATTEMPT", "step ATTEMPT SEQUENCE" or "end ATTEMPT STATUS" is written after the call has returned, so that
whoever reads them knows what must be on record, whatever happens to this process.
"""

import os
import sys
import threading
import time

from actionlog_client import ActionLogger

# Seconds between two attempts of a thread.
PACE = float(os.environ.get("PACE", "0"))
# Once this file is there, no further attempt is begun.
STOP_FILE = os.environ.get("STOP_FILE")


def work(action_logger: ActionLogger, incident_id: str, most: int) -> None:
    """Log attempts of which each third fails, with three steps each."""
    for number in range(most):
        if STOP_FILE is not None and os.path.exists(STOP_FILE):
            return
        attempt = action_logger.start_action_attempt(
            f"restart_{number}", "restart_service", {"number": number, "api_key": "s3cret"}, incident_id
        )
        say(f"start {attempt.attempt_id}")
        for sequence in range(3):
            attempt.log_step("validation", "in_progress", {"sequence": sequence, "text": "x" * 200})
            say(f"step {attempt.attempt_id} {sequence}")
        if number % 3:
            attempt.mark_success({"number": number})
        else:
            attempt.mark_failure("Connection refused", {"error_code": "ECONNREFUSED"})
        say(f"end {attempt.attempt_id} {attempt.status}")
        time.sleep(PACE)


def say(line: str) -> None:
    """One write, so that a line is there whole or not at all."""
    os.write(1, line.encode() + b"\n")


def main() -> None:
    incident_id = sys.argv[1]
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    most = int(sys.argv[3]) if len(sys.argv) > 3 else sys.maxsize
    action_logger = ActionLogger(engine="killed-engine", engine_version="1", json_store="")
    running = [
        threading.Thread(target=work, args=(action_logger, incident_id, most), daemon=True) for _ in range(threads)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    # With a line to wait for, so that the one who reads knows that all was told.
    say(f"done {action_logger.flush(60)}")
    while most == sys.maxsize:
        time.sleep(1)


if __name__ == "__main__":
    main()
