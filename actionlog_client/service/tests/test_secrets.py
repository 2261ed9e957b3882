"""What is secret reaches the handler, and nothing else."""

import json
import logging
from typing import Annotated, Any

import pytest

from actionlog_client.attempt import ActionAttempt
from actionlog_client.service import (
    ActionService,
    Secret,
)
from actionlog_client.service.tests.handlers import Execute
from actionlog_client.testing import InMemoryActionLogger


def test_secrets_reach_the_handler_and_nothing_else(
    service: ActionService, log: InMemoryActionLogger, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = []

    @service.register("rotate")
    def rotate(
        password: str,
        code: Annotated[str, Secret],
        dsn: str,
        options: dict[str, Any],
        attempt: ActionAttempt,
        seed: Annotated[str, Secret] = "default-seed",
    ) -> None:
        seen.extend([password, code, dsn, options["api_key"], seed])
        attempt.log_step("try", "failed", {"said": f"wrong {password} for {dsn}", "seed": seed})
        raise RuntimeError(f"{password}, {code}, {options['api_key']}, {seed} and pass%40word and {dsn} do not fit")

    secrets = ["hunter22", "c0de77", "pass@word", "k-123456", "default-seed"]
    told = {
        "password": "hunter22",
        "code": "c0de77",
        "dsn": "postgresql://app:pass%40word@db/orders",
        "options": {"api_key": "k-123456"},
    }
    result = execute("rotate", told, "inc_001", reason="the old one is hunter22")
    assert seen == ["hunter22", "c0de77", told["dsn"], "k-123456", "default-seed"]
    said = json.dumps(log.attempts) + repr(result) + caplog.text
    assert [secret for secret in [*secrets, "pass%40word"] if secret in said] == []
    (attempt,) = log.attempts
    assert attempt["parameters"]["code"].startswith("[redacted:")
    assert attempt["parameters"]["password"] in attempt["error_message"]


def test_a_secret_too_short_to_be_looked_for_is_still_not_told_as_parameter(
    service: ActionService, log: InMemoryActionLogger
) -> None:
    service.register("unlock", _unlock)
    assert service.execute("unlock", {"pin": 1234}).result is True
    assert log.attempts[0]["parameters"]["pin"].startswith("[redacted:")


def _unlock(pin: Annotated[int, Secret]) -> bool:
    return pin == 1234
