"""The page of engine instances: calm when all has arrived, plain about what has not."""

import re
from datetime import timedelta
from html import escape, unescape

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from engines.models import EngineJournal
from engines.templatetags.journal import SHOWN_RANGES
from engines.tests.factories import make_journal
from engines.views import INSTANCES_A_PAGE

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"


def page(client: Client, address: str = "/engines/", **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def text(markup: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", markup)))


def row(markup: str, journal: EngineJournal) -> str:
    (found,) = re.findall(rf'<tr id="journal-{journal.pk}".*?</tr>', markup, re.DOTALL)
    return str(found)


def cell(shown: str, label: str) -> str:
    """The text of one cell of a row, by the name of its column."""
    (found,) = re.findall(rf'<td[^>]* data-label="{label}">(.*?)</td>', shown, re.DOTALL)
    return text(found).strip()


def long_ago() -> dict[str, object]:
    return {"last_heard_at": timezone.now() - timedelta(hours=2)}


def test_a_complete_engine_is_shown_calmly(admin_client: Client) -> None:
    journal = make_journal(written=1200)
    markup = page(admin_client)
    shown = row(markup, journal)
    assert text(shown).split()[:5] == ["active", "resolver", "2.1", "ops-1", "4711"]
    assert "1,200" in shown
    assert "incomplete" not in shown
    assert "failed" not in shown
    assert "1 active, 0 silent, 0 closed Everything written has arrived" in text(markup)
    assert f'datetime="{journal.last_heard_at.isoformat()[:19]}' in shown


@pytest.mark.parametrize("closed", [False, True])
def test_missing_numbers_of_an_engine_that_is_gone_stand_out_by_number(admin_client: Client, closed: bool) -> None:
    told = {"closed_at": timezone.now()} if closed else {}
    journal = make_journal(written=20, stored=[(2, 4), (7, 19)], refused=[(5, 5)], **long_ago(), **told)
    markup = page(admin_client)
    shown = row(markup, journal)
    assert 'class="incomplete"' in shown
    assert ("closed" if closed else "silent") in shown
    assert " 3 1, 6, 20 1 5 " in text(shown)
    assert "3 missing from 1 instance no longer active , 1 refused" in text(markup)
    assert "actionlog journal" in markup


def test_numbers_of_an_active_engine_are_on_their_way(admin_client: Client) -> None:
    journal = make_journal(written=20, stored=[(1, 15)])
    markup = page(admin_client)
    shown = row(markup, journal)
    assert "incomplete" not in shown
    assert cell(shown, "missing") == "5 on their way"
    assert "5 on their way, nothing missing" in text(markup)


def test_that_all_has_arrived_is_not_said_for_an_engine_that_fell_silent(admin_client: Client) -> None:
    """It may have been killed with entries that it had no time to report."""
    make_journal(written=20)
    make_journal(written=20, **long_ago())
    shown = text(page(admin_client))
    assert "Everything written has arrived" not in shown
    assert "everything reported has arrived; what is silent may have written more" in shown


def test_of_many_ranges_the_first_are_shown_and_the_others_counted(admin_client: Client) -> None:
    make_journal(written=100, stored=[(number, number) for number in range(2, 101, 2)], **long_ago())
    shown = text(page(admin_client))
    assert f" 1, 3, 5, 7, 9, 11, {50 - SHOWN_RANGES} more ranges" in shown


def test_the_fragment_is_the_very_part_of_the_page_and_keeps_its_place(admin_client: Client) -> None:
    for _ in range(INSTANCES_A_PAGE + 1):
        make_journal(**long_ago())
    markup = page(admin_client)
    assert page(admin_client, **{"HX-Request": "true"}).strip() in markup
    older = unescape(re.findall(r'rel="next" href="([^"]*)"', markup)[0])
    second = page(admin_client, older)
    assert second.count('id="journal-') == 1
    assert f'hx-get="{escape(older)}"' in second
    assert 'rel="next"' not in second


@pytest.mark.parametrize("before", ["", "x", "2026-01-01~0190d3a5-4000-7a11-9c1d-0e1f2a3b4c5d"])
def test_a_page_that_is_not_ours_is_404(admin_client: Client, before: str) -> None:
    assert admin_client.get("/engines/", {"before": before}).status_code == 404


def test_without_an_engine_the_page_tells_how_to_get_one(admin_client: Client) -> None:
    markup = page(admin_client)
    assert "pip install ./actionlog_client" in markup
    assert "ACTIONLOG_URL=http://testserver" in markup
    make_journal()
    assert "pip install" not in page(admin_client)


def test_nothing_that_an_engine_tells_becomes_markup(admin_client: Client) -> None:
    make_journal(engine=SCRIPT, engine_version=SCRIPT, client_version=SCRIPT, host=SCRIPT)
    markup = page(admin_client)
    assert SCRIPT not in markup
    assert markup.count(escape(SCRIPT)) >= 4


def test_an_engine_that_tells_little_is_shown_too(admin_client: Client) -> None:
    make_journal(engine=None, engine_version=None, client_version=None, host=None, process_id=None, started_at=None)
    shown = text(page(admin_client))
    assert "(no name)" in shown
    assert "None" not in shown


def test_the_page_is_for_those_who_signed_in(client: Client) -> None:
    assert client.get("/engines/").headers["Location"].startswith("/sign-in/")


def test_the_header_leads_here(admin_client: Client) -> None:
    assert '<a href="/engines/">Engines</a>' in page(admin_client, "/incidents/")


def test_queries_of_the_page_do_not_grow_with_its_rows(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(30):
        make_journal(stored=[(2, 3)], **long_ago())
    with django_assert_max_num_queries(4):  # session, user, journals, totals
        page(admin_client)
