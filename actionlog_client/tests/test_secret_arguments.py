"""What is marked in a command line, and what is left as it is."""

import re
import time

import pytest

from actionlog_client.command_line.secret_arguments import SecretArguments
from actionlog_client.redaction import Redactor

REDACTOR = Redactor(b"a key")


def marked(*arguments: str) -> list[str]:
    """The command line with <marks> in place of the marks."""
    return [
        re.sub(r"\[redacted:[0-9a-f]{16}\]", "<mark>", each) for each in SecretArguments(arguments, REDACTOR).redacted
    ]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["mysql", "--password", "hunter22", "db"], ["mysql", "--password", "<mark>", "db"]),
        (["mysql", "--password=hunter22"], ["mysql", "--password=<mark>"]),
        (["env", "PGPASSWORD=hunter 22", "psql"], ["env", "PGPASSWORD=<mark>", "psql"]),
        (["sh", "-c", "PGPASSWORD=hunter22 psql -h db"], ["sh", "-c", "PGPASSWORD=<mark> psql -h db"]),
        (["sh", "-c", "tool --api-key 'hunter 22' go"], ["sh", "-c", "tool --api-key '<mark>' go"]),
        (["curl", "https://user:hunter22@host/"], ["curl", "https://user:<mark>@host/"]),
        (["curl", "https://host/?access_token=hunter22&x=1"], ["curl", "https://host/?access_token=<mark>&x=1"]),
        (["curl", "-H", "X-Api-Key: hunter22"], ["curl", "-H", "X-Api-Key: <mark>"]),
        (["curl", "-H", "Authorization: Bearer hunter22"], ["curl", "-H", "Authorization: Bearer <mark>"]),
        (["curl", "-d", '{"password": "hunter22", "a": 1}'], ["curl", "-d", '{"password": "<mark>", "a": 1}']),
        (["curl", "-u", "bob:hunter22", "http://h/"], ["curl", "-u", "bob:<mark>", "http://h/"]),
        (["/usr/bin/curl", "--user=bob:hunter22", "h"], ["/usr/bin/curl", "--user=bob:<mark>", "h"]),
        (["sh", "-c", "curl -U 'bob:hunter22' h | jq ."], ["sh", "-c", "curl -U 'bob:<mark>' h | jq ."]),
        (["sh", "-c", 'curl -u "bob:$PASSWORD" h'], ["sh", "-c", 'curl -u "bob:$PASSWORD" h']),
        (["mysqldump", "-uroot", "-phunter22", "db"], ["mysqldump", "-uroot", "-p<mark>", "db"]),
        (["mysql", "-p", "db"], ["mysql", "-p", "db"]),
        (["sshpass", "-p", "hunter22", "ssh", "-p", "22"], ["sshpass", "-p", "<mark>", "ssh", "-p", "22"]),
        (["redis-cli", "-a", "hunter22", "ping"], ["redis-cli", "-a", "<mark>", "ping"]),
        (["docker", "run", "-u", "app:staff", "-p80:80"], ["docker", "run", "-u", "app:staff", "-p80:80"]),
        (["tool", "--password", "--host", "db"], ["tool", "--password", "--host", "db"]),
        (["tool", "--password-file", "/etc/pw"], ["tool", "--password-file", "/etc/pw"]),
        (["systemctl", "restart", "nginx"], ["systemctl", "restart", "nginx"]),
        (["sh", "-c", "PASSWORD=$PASSWORD tool"], ["sh", "-c", "PASSWORD=$PASSWORD tool"]),
        (["kubectl", "scale", "--replicas=3"], ["kubectl", "scale", "--replicas=3"]),
    ],
)
def test_secrets_are_marked_where_they_stand(arguments: list[str], shown: list[str]) -> None:
    assert marked(*arguments) == shown


def test_the_same_secret_has_the_same_mark_everywhere() -> None:
    secrets = SecretArguments(["tool", "--password", "hunter22"], REDACTOR)

    assert secrets.clean("it was hunter22!") == f"it was {secrets.redacted[2]}!"
    assert secrets.redacted[2] == REDACTOR.mark("hunter22")


def test_nothing_is_left_of_a_secret_that_begins_like_another() -> None:
    secrets = SecretArguments(["tool", "--old-password", "hunter22", "--password", "hunter22-longer"], REDACTOR)

    assert secrets.clean("now hunter22-longer") == f"now {REDACTOR.mark('hunter22-longer')}"
    assert secrets.clean("Authorization: Bearer hunter22tail") == (
        f"Authorization: Bearer {REDACTOR.mark('hunter22tail')}"
    )


def test_a_short_secret_is_not_looked_for_in_output() -> None:
    assert SecretArguments(["tool", "--password", "a"], REDACTOR).clean("a cat") == "a cat"


@pytest.mark.parametrize(
    "unit", ["a", "a=", "--a ", "a.", '"', "a='", "password=", "://", "bearer ", "curl -u", "mysql -p ", "curl -u a:"]
)
def test_a_long_argument_takes_little_time(unit: str) -> None:
    began = time.process_time()
    SecretArguments([unit * (120_000 // len(unit))], REDACTOR)

    assert time.process_time() - began < 2
