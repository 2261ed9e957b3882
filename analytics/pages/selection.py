"""What a page of statistics is narrowed to, as its address says it. What is not offered becomes what is usual."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from msgspec import Struct

from analytics.overview import environments
from analytics.queries import Dimensions
from analytics.windows import Window, window_named, zone_named
from attempts.records import MAX_TEXT

WINDOWS: Final = ("24h", "7d", "30d", "90d")
DEFAULT_WINDOW: Final = "7d"
# The buckets of time that a window is shown in: as many as can be told apart, the first unless another is chosen.
BUCKETS: Final[Mapping[str, Sequence[str]]] = {
    "24h": ("hour", "15m"),
    "7d": ("day", "hour"),
    "30d": ("day", "week"),
    "90d": ("week", "day"),
}
# A few from all over the world; the browser adds its own (page.js), and any other can stand in the address.
ZONES: Final = (
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
)
DIMENSIONS: Final = ("environment", "incident_type", "engine", "engine_version", "action_type")


class Choice(Struct, frozen=True):
    """One select: its parameter, what it is called, (value, text) of what can be chosen, and what is."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: str


class Selection:
    """The window, the time zone, the dimensions and the choices of a page."""

    windows = WINDOWS

    def __init__(self, told: QueryDict, *, now: datetime | None = None) -> None:
        self._told = told
        name = told.get("window", "")
        self.window_name = name if name in WINDOWS else DEFAULT_WINDOW
        self.window: Window = window_named(self.window_name, now=now or timezone.now())
        self.zone = _zone(told.get("timezone", ""))
        self.choices: list[Choice] = []

    def text(self, name: str) -> str:
        """What was told of a dimension; '' for nothing. No text of the record is longer."""
        return self._told.get(name, "")[:MAX_TEXT]

    def dimensions(self) -> Dimensions:
        return Dimensions(**{name: self.text(name) or None for name in DIMENSIONS})

    def choose(self, name: str, label: str, options: Sequence[tuple[str, str]]) -> str:
        """Offer a select and return what is chosen of it: the first, unless one that is offered was told."""
        told = self._told.get(name, "")
        chosen = told if told in dict(options) else options[0][0]
        self.choices.append(Choice(name, label, options, chosen))
        return chosen

    def choose_environment(self) -> None:
        told = self.text("environment")
        known = environments(since=self.window.start)
        names = known if told in known or not told else [*known, told]
        self.choices.append(
            Choice("environment", "Environment", [("", "all"), *((name, name) for name in names)], told)
        )

    def choose_bucket(self) -> str:
        """The length of the buckets of time: one of analytics.windows.BUCKET_LENGTHS."""
        texts = {"15m": "15 minutes", "hour": "hour", "day": "day", "week": "week"}
        return self.choose("bucket", "In steps of", [(name, texts[name]) for name in BUCKETS[self.window_name]])

    def choose_zone(self) -> None:
        names = ZONES if self.zone.key in ZONES else (*ZONES, self.zone.key)
        self.choices.append(
            Choice("timezone", "Time zone", [(name, name.replace("_", " ")) for name in names], self.zone.key)
        )

    @property
    def is_narrowed(self) -> bool:
        return any(map(self.text, DIMENSIONS))

    @property
    def text_of_environment(self) -> str:
        return self.text("environment")

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What narrows the page without a select of its own."""
        shown = {choice.name for choice in self.choices}
        return [(name, text) for name in DIMENSIONS if name not in shown and (text := self.text(name))]

    @property
    def without_window(self) -> list[tuple[str, str]]:
        """All that was chosen but the window, for the address of the same page with another one.

        The bucket is not kept: each window has its own.
        """
        chosen = [(choice.name, choice.chosen) for choice in self.choices if choice.name != "bucket" and choice.chosen]
        return [*self.hidden, *chosen]

    @property
    def everything(self) -> str:
        """All that was chosen, as the query of an address."""
        chosen = [(choice.name, choice.chosen) for choice in self.choices if choice.chosen]
        return urlencode([("window", self.window_name), *self.hidden, *chosen])

    def asked(self, **more: Any) -> dict[str, str]:
        """The parameters that an address takes along to another page of statistics."""
        told = {name: self.text(name) for name in ("environment", "engine", "engine_version")}
        kept = {"window": self.window_name, "timezone": self.zone.key, **told, **more}
        return {name: value for name, value in kept.items() if value and (name, value) != ("timezone", "UTC")}


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name or "UTC")
    except ValueError:
        return zone_named("UTC")
