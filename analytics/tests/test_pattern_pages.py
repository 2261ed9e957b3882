"""The pages of failure patterns: what they show, to whom, and what their buttons do."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.groups import OPERATORS
from analytics.models import FailureFingerprint, FailurePattern, PatternChange
from analytics.patterns import deciding, merging
from analytics.patterns.overview import PATTERNS_A_PAGE
from analytics.tests.factories import make_pattern
from analytics.tests.recording import ended, failed, record_rows
from attempts.rows import AttemptRow

pytestmark = pytest.mark.django_db

LIST = "/failure-patterns/"
NOW = datetime.now(UTC)
SCRIPT = "<script>alert(1)</script>"


def user(name: str, *groups: str) -> Client:
    found = User.objects.create_user(name)
    found.groups.add(*Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(found)
    return client


@pytest.fixture
def olga() -> Client:
    return user("olga", OPERATORS)


@pytest.fixture
def ines() -> Client:
    return user("ines")


def fail(message: str, *, hours_ago: float = 1, **facts: Any) -> AttemptRow:
    row = failed(message, started_at=NOW - timedelta(hours=hours_ago), **facts)
    record_rows([row])
    return row


def pattern_of(row: AttemptRow) -> FailurePattern:
    assert row.fingerprint is not None
    return FailurePattern.objects.get(fingerprints__fingerprint=row.fingerprint)


def text(client: Client, address: str, **parameters: str) -> str:
    """The text of a page without its markup, with single blanks."""
    answer = client.get(address, parameters)
    assert answer.status_code == 200
    return re.sub(r"[ \n]+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())))


def page_of(pattern: FailurePattern) -> str:
    return f"{LIST}{pattern.pk}/"


def test_the_list_shows_the_open_patterns_and_how_many_there_are_of_each_state(ines: Client) -> None:
    full, lost = pattern_of(fail("disk full", incident_id="A")), pattern_of(fail("disk lost"))
    fail("disk full", incident_id="B")
    fail("no answer")
    deciding.ignore(pattern_id=lost.pk, actor="olga")
    shown = text(ines, LIST)
    assert "disk full" in shown
    assert "disk lost" not in shown
    assert "open 2 acknowledged 0 fixed 0 ignored 1 all 3" in shown
    assert "new 2 50.0\u202f% 2" in shown
    assert "disk lost" in text(ines, LIST, state="ignored")
    assert full.template in text(ines, LIST, state="all")


def test_the_list_is_narrowed_by_text_and_action_type(ines: Client) -> None:
    fail("disk full", action_type="mount")
    fail("no answer")
    assert "no answer" not in text(ines, LIST, search="FULL")
    assert "no answer" not in text(ines, LIST, action_type="mount")
    assert "Nothing like it" in text(ines, LIST, search="%")
    assert "No failure pattern is fixed" in text(ines, LIST, state="fixed")


def test_without_failures_it_says_so(ines: Client) -> None:
    assert "No failure pattern is open" in text(ines, LIST)


@pytest.mark.parametrize("order", ["-last_seen", "-occurrences", "-first_seen"])
def test_every_pattern_is_on_one_page(ines: Client, order: str) -> None:
    for number in range(PATTERNS_A_PAGE + 7):
        make_pattern(template=f"kind {number};", pattern_id=uuid.UUID(int=number + 1))
    first = ines.get(LIST, {"order": order}).content.decode()
    (more,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = ines.get(LIST + unescape(more)).content.decode()
    shown = [re.findall(r"kind (\d+);", page) for page in (first, second)]
    assert [len(each) for each in shown] == [PATTERNS_A_PAGE, 7]
    assert sorted(map(int, shown[0] + shown[1])) == list(range(PATTERNS_A_PAGE + 7))


@pytest.mark.parametrize("after", ["x", "1~y", "\u0661~" + str(uuid.UUID(int=1)) + "0", "9" * 40 + "~" + "0" * 32])
@pytest.mark.parametrize("order", ["-last_seen", "-occurrences"])
def test_a_page_that_there_is_not_is_404(ines: Client, after: str, order: str) -> None:
    assert ines.get(LIST, {"after": after, "order": order}).status_code == 404


def test_htmx_gets_the_part_that_changes(ines: Client) -> None:
    fail("disk full")
    part = ines.get(LIST, headers={"HX-Request": "true"}).content.decode()
    assert part.startswith("<section")
    assert "<html" not in part


def test_the_queries_of_the_list_do_not_grow_with_its_rows(ines: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ines.get(LIST).status_code == 200
        return len(captured)

    fail("disk full")
    few = queries()
    for number in range(30):
        make_pattern(uuid.uuid4(), template=str(number))
    assert queries() == few <= 9


def test_the_page_of_one_shows_all_that_is_known_of_it(ines: Client) -> None:
    at = NOW - timedelta(hours=2)
    record_rows(
        [failed("disk full", started_at=at, target="db-7", incident_id=f"INC-{n % 3}") for n in range(30)]
        + [ended(started_at=at, completed_at=None, target=f"db-{n % 8}") for n in range(80)]
    )
    pattern = FailurePattern.objects.get()
    deciding.acknowledge(pattern_id=pattern.pk, actor="olga", note="a leak")
    shown = text(ines, page_of(pattern))
    assert "30 failures, 100.0\u202f% of all 30, in 3 incidents" in shown
    assert 'target "db-7" 100.0\u202f% 30 of 30 12.5\u202f% 10 of 80' in shown
    assert "acknowledged since" in shown
    assert "a leak" in shown
    assert "restart_pool on db-7" in shown
    assert "It has one message only" not in shown


@pytest.mark.parametrize("window", ["24h", "7d", "30d", "90d", "1000000d", ""])
def test_every_window_can_be_looked_at(ines: Client, window: str) -> None:
    pattern = pattern_of(fail("disk full"))
    assert "1 failure" in text(ines, page_of(pattern), window=window)


def test_what_engines_told_is_shown_and_does_nothing(olga: Client) -> None:
    row = fail(f"{SCRIPT} broke", action_type=SCRIPT, error_type=SCRIPT, target=SCRIPT, incident_id=SCRIPT)
    fail("\x1b[31mred\u202e", action_type=SCRIPT)
    pattern = pattern_of(row)
    deciding.acknowledge(pattern_id=pattern.pk, actor=SCRIPT, note=SCRIPT)
    for address in (LIST, f"{LIST}?state=all", page_of(pattern), f"/attempts/{row.attempt_id}/failure-pattern/"):
        assert SCRIPT not in olga.get(address).content.decode()


def test_only_operators_are_shown_buttons_and_only_theirs_do_anything(ines: Client, olga: Client) -> None:
    pattern = pattern_of(fail("disk full"))
    assert 'name="verb"' not in ines.get(page_of(pattern)).content.decode()
    assert 'value="fix"' in olga.get(page_of(pattern)).content.decode()
    assert ines.post(page_of(pattern), {"verb": "fix"}).status_code == 403
    assert Client().post(page_of(pattern), {"verb": "fix"}).status_code == 302
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(User.objects.get(username="olga"))
    assert checked.post(page_of(pattern), {"verb": "fix"}).status_code == 403
    assert not PatternChange.objects.exists()


@pytest.mark.parametrize(("verb", "state"), [("acknowledge", "acknowledged"), ("fix", "fixed"), ("ignore", "ignored")])
def test_a_button_decides_in_the_name_of_who_pressed_it(olga: Client, verb: str, state: str) -> None:
    pattern = pattern_of(fail("disk full"))
    answer = olga.post(page_of(pattern), {"verb": verb, "note": "one\r\ntwo"})
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(pattern))
    pattern.refresh_from_db()
    assert pattern.state == state
    change = PatternChange.objects.get()
    assert (change.changed_by, change.note) == ("olga", "one\ntwo")
    olga.post(page_of(pattern), {"verb": "reopen"})
    pattern.refresh_from_db()
    assert pattern.state == "new"


def test_another_pattern_is_merged_into_this_one_and_its_page_says_where_it_went(olga: Client) -> None:
    full, lost = pattern_of(fail("disk full")), pattern_of(fail("disk lost"))
    assert str(lost.pk) in olga.get(page_of(full)).content.decode()
    olga.post(page_of(full), {"verb": "merge", "patterns": str(lost.pk)})
    lost.refresh_from_db()
    assert lost.merged_into_id == full.pk
    gone = olga.get(page_of(lost)).content.decode()
    assert f'href="{page_of(full)}"' in gone
    assert 'name="verb"' not in gone


def test_ticked_messages_become_a_pattern_whose_page_is_shown(olga: Client) -> None:
    row = fail("no answer from 10.0.0.1")
    fail("no answer from /run/x")
    pattern = pattern_of(row)
    answer = olga.post(page_of(pattern), {"verb": "split", "fingerprints": [str(row.fingerprint)]})
    new = FailureFingerprint.objects.get(fingerprint=str(row.fingerprint)).pattern
    assert new.pk != pattern.pk
    assert answer.headers["Location"] == page_of(new)


@pytest.mark.parametrize(
    ("told", "status", "says"),
    [
        ({"verb": "split"}, 400, "Tick the messages"),
        ({"verb": "split", "fingerprints": "7"}, 400, "no id of ours"),
        ({"verb": "merge", "patterns": ""}, 400, "Choose a pattern"),
        ({"verb": "merge", "patterns": str(uuid.UUID(int=7))}, 400, "There is no failure pattern"),
        ({"verb": "explode"}, 400, "no such button"),
        ({}, 400, "no such button"),
        ({"verb": "fix", "note": "x" * 2001}, 400, "at most 2000 characters"),
    ],
)
def test_what_is_refused_is_said_on_the_page(olga: Client, told: dict[str, str], status: int, says: str) -> None:
    pattern = pattern_of(fail("disk full"))
    answer = olga.post(page_of(pattern), {"note": "kept", **told})
    assert (answer.status_code, says in answer.content.decode()) == (status, True)
    assert not PatternChange.objects.exists()


def test_a_split_of_one_message_says_why_it_cannot_be(olga: Client) -> None:
    row = fail("disk full")
    answer = olga.post(page_of(pattern_of(row)), {"verb": "split", "fingerprints": str(row.fingerprint)})
    assert answer.status_code == 409
    assert "cannot be split" in answer.content.decode()
    assert "one message only" in answer.content.decode()


def test_a_pattern_that_there_is_not_is_404(olga: Client) -> None:
    address = f"{LIST}{uuid.uuid4()}/"
    assert olga.get(address).status_code == 404
    assert olga.post(address, {"verb": "fix"}).status_code == 404


def test_pages_are_for_whoever_signed_in(ines: Client) -> None:
    row = fail("disk full")
    for address in (LIST, page_of(pattern_of(row)), f"/attempts/{row.attempt_id}/failure-pattern/"):
        assert Client().get(address).status_code == 302
        assert ines.get(address).status_code == 200


def test_the_page_of_a_failed_attempt_loads_its_pattern_wherever_it_is_now(ines: Client) -> None:
    row, other = fail("disk full"), fail("disk lost")
    part = f"/attempts/{row.attempt_id}/failure-pattern/"
    assert f'hx-get="{part}"' in ines.get(f"/attempts/{row.attempt_id}/").content.decode()
    assert f'href="{page_of(pattern_of(row))}"' in ines.get(part).content.decode()
    target = pattern_of(other)
    merging.merge(target_id=target.pk, others=[pattern_of(row).pk], actor="olga")
    assert f'href="{page_of(target)}"' in ines.get(part).content.decode()


def test_an_attempt_that_did_not_fail_has_no_such_part(ines: Client) -> None:
    row = ended()
    record_rows([row])
    assert "failure-pattern/" not in ines.get(f"/attempts/{row.attempt_id}/").content.decode()
    assert ines.get(f"/attempts/{row.attempt_id}/failure-pattern/").content.strip() == b""
