"""The course of a demonstration: a fault, what is seen of it, the engine at work, and again."""

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from demonstration.engine.engine import Engine
from demonstration.laboratory.child import ChildError
from demonstration.laboratory.faults import Fault, faults_of, order_of
from demonstration.laboratory.laboratory import Laboratory
from demonstration.laboratory.monitor import Monitor, Symptom
from demonstration.terminal import Terminal

SEEN_WITHIN_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True)
class Course:
    """rate: incidents a minute, at most. incidents: how many, None without end."""

    rate: float
    seed: int
    incidents: int | None


def show(
    course: Course,
    laboratory: Laboratory,
    monitor: Monitor,
    engine: Engine,
    terminal: Terminal,
    ending: threading.Event,
) -> int:
    """Goes on until all incidents were shown or ending is set, which the incident under way does not notice; how many
    incidents there were. Raises ChildError or psycopg.Error when the laboratory cannot be had any more."""
    begun = f"{datetime.now(UTC):%m%d-%H%M%S}"
    faults, pauses = order_of(faults_of(laboratory), course.seed), pauses_of(course)
    count = 0
    due = time.monotonic()
    while course.incidents is None or count < course.incidents:
        if ending.wait(max(0.0, due - time.monotonic())):
            break
        due = max(due, time.monotonic()) + next(pauses)
        count += 1
        try:
            _incident(f"demo-{begun}-{count:03d}", next(faults), laboratory, monitor, engine, terminal)
        except (ChildError, psycopg.Error) as error:
            terminal.say(f"\nThe laboratory broke where it should not, and is set up again: {error}")
            laboratory.settle()
    return count


def pauses_of(course: Course) -> Iterator[float]:
    """Seconds from one incident to the next: as the seed decides, on the average as the rate says."""
    chance = random.Random(course.seed)
    while True:
        yield chance.uniform(0.5, 1.5) * 60 / course.rate


def _incident(
    incident_id: str, fault: Fault, laboratory: Laboratory, monitor: Monitor, engine: Engine, terminal: Terminal
) -> None:
    fault.inject(laboratory)
    symptoms = _wait_for_symptoms(monitor)
    if not symptoms:
        terminal.say(f"\nNothing is seen of a fault: {fault.cause}.")
        laboratory.settle()
        return
    terminal.incident(incident_id, fault, symptoms)
    resolution = engine.resolve(incident_id, symptoms)
    terminal.resolution(resolution)
    if resolution.status == "resolved":
        laboratory.tidy()
    else:
        laboratory.settle()


def _wait_for_symptoms(monitor: Monitor) -> list[Symptom]:
    deadline = time.monotonic() + SEEN_WITHIN_SECONDS
    while not (symptoms := monitor.symptoms()) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_SECONDS)
    return symptoms
