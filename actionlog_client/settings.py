"""What a logger is told when it is made: by arguments, else by the environment, else the defaults here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_JOURNAL_DIR: Final = "data/journal"
DEFAULT_JSON_STORE: Final = "data/action_logs"
DEFAULT_DISK_BUDGET: Final = 256 * 1024 * 1024
SMALLEST_DISK_BUDGET: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """url None: no server, everything stays in local files. json_store None: no file for each attempt.

    disk_budget is in bytes, for all journals in journal_dir together. fsync: what a call told survives a power loss
    too, at the price of a disk write each. redaction_key: marks of secrets are alike wherever it is the same; without
    one each journal_dir has its own.
    """

    url: str | None
    api_key: str | None
    journal_dir: Path
    environment: str | None
    engine: str | None
    engine_version: str | None
    json_store: Path | None
    disk_budget: int
    fsync: bool
    redaction_key: str | None


def read_settings(
    url: str | None = None,
    api_key: str | None = None,
    journal_dir: str | os.PathLike[str] | None = None,
    environment: str | None = None,
    *,
    engine: str | None = None,
    engine_version: str | None = None,
    json_store: str | os.PathLike[str] | None = None,
    disk_budget: int | None = None,
    fsync: bool = False,
    redaction_key: str | None = None,
    told: Mapping[str, str] = os.environ,
) -> Settings:
    """An argument that is None is taken from ACTIONLOG_URL, ACTIONLOG_API_KEY, ACTIONLOG_JOURNAL_DIR,
    ACTIONLOG_ENVIRONMENT, ACTIONLOG_ENGINE, ACTIONLOG_ENGINE_VERSION, ACTIONLOG_JSON_STORE (empty: none),
    ACTIONLOG_DISK_BUDGET and ACTIONLOG_REDACTION_KEY. Raises ValueError for what cannot be meant.
    """

    def text(given: str | None, name: str) -> str | None:
        return (given if given is not None else told.get(name)) or None

    url = text(url, "ACTIONLOG_URL")
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"ACTIONLOG_URL must begin with http:// or https://, not {url!r}.")
        url = url.rstrip("/")
    store = os.fspath(json_store) if json_store is not None else told.get("ACTIONLOG_JSON_STORE", DEFAULT_JSON_STORE)
    return Settings(
        url=url,
        api_key=text(api_key, "ACTIONLOG_API_KEY"),
        journal_dir=Path(journal_dir or told.get("ACTIONLOG_JOURNAL_DIR") or DEFAULT_JOURNAL_DIR).absolute(),
        environment=text(environment, "ACTIONLOG_ENVIRONMENT"),
        engine=text(engine, "ACTIONLOG_ENGINE"),
        engine_version=text(engine_version, "ACTIONLOG_ENGINE_VERSION"),
        json_store=Path(store).absolute() if store else None,
        disk_budget=_disk_budget(disk_budget, told),
        fsync=fsync,
        redaction_key=text(redaction_key, "ACTIONLOG_REDACTION_KEY"),
    )


def _disk_budget(given: int | None, told: Mapping[str, str]) -> int:
    text = str(given) if given is not None else told.get("ACTIONLOG_DISK_BUDGET") or str(DEFAULT_DISK_BUDGET)
    if not text.isdecimal() or int(text) < SMALLEST_DISK_BUDGET:
        raise ValueError(f"ACTIONLOG_DISK_BUDGET is a number of bytes, at least {SMALLEST_DISK_BUDGET}, not {text!r}.")
    return int(text)
