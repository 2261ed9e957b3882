"""The dashboard in a real browser, served by a real process, while another process (this one) records."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.tests.browser import BINARY, Browser, headless_browser
from resolutions.feed.tests.web_process import reserved_port, web_process
from resolutions.tests.recorded import attempt, record, resolution

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BINARY is None, reason="no chromium binary is found (Debian: apt-get install chromium)"),
]

LIVE = "document.querySelector('[data-feed-state]').dataset.state === 'live'"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless_browser() as browser:
        yield browser


@pytest.fixture
def session_key(client: Client, django_user_model: type[User]) -> str:
    client.force_login(django_user_model.objects.create_user("operator"))
    return client.cookies["sessionid"].value


def open_dashboard(browser: Browser, origin: str, session_key: str) -> None:
    # Away from the page of the test before, whose server is gone and which says so.
    browser.open("about:blank")
    browser.reports.clear()
    browser.sign_in(origin, session_key)
    browser.open(origin + "/")
    browser.wait_for(LIVE)
    # Gone after a reload, so its presence shows that there was none.
    browser.evaluate("window.notReloaded = true")


def row(attempt_id: str, place: str = "feed") -> str:
    return f"document.getElementById('{place}-{attempt_id}')"


def test_an_attempt_recorded_by_another_process_appears_and_changes_without_a_reload(
    browser: Browser, session_key: str
) -> None:
    earlier, told, session = attempt(status="success"), attempt(status="in_progress"), resolution(title="Pool is full")
    record([earlier])
    with web_process() as web:
        open_dashboard(browser, web.origin, session_key)
        assert browser.evaluate(f"!!{row(earlier['attempt_id'])}")

        record([told], [session])
        browser.wait_for(f"{row(told['attempt_id'])}?.querySelector('.status.in_progress')")
        browser.wait_for(f"{row(session['resolution_id'])}?.textContent.includes('Pool is full')")
        browser.wait_for(row(told["attempt_id"], "running"))

        record([told | {"status": "failed", "error_message": "no answer"}])
        browser.wait_for(f"{row(told['attempt_id'])}?.querySelector('.status.failed')")
        assert browser.evaluate(f"{row(told['attempt_id'])}.textContent.includes('no answer')")
        # The newest change is on top, and the attempt is there once.
        assert browser.evaluate("document.querySelector('#live-feed-rows li').id") == f"feed-{told['attempt_id']}"
        browser.wait_for("document.querySelector('.rate')?.textContent.startsWith('50.0')")
        browser.wait_for(f"!{row(told['attempt_id'], 'running')}")
        assert browser.evaluate("window.notReloaded")
        assert browser.reports == []


def test_nothing_that_an_engine_tells_becomes_markup_in_the_feed(browser: Browser, session_key: str) -> None:
    markup = "<img src=x onerror='window.wasRun=true'>"
    told = attempt(action_type=markup, target=markup, incident_id=markup, error_message=markup, status="failed")
    with web_process() as web:
        open_dashboard(browser, web.origin, session_key)
        record([told])
        browser.wait_for(f"{row(told['attempt_id'])}?.textContent.includes({markup!r})")
        assert browser.evaluate("document.querySelectorAll('main img').length") == 0
        assert browser.evaluate("window.wasRun") is None
        assert browser.reports == []


def test_what_changed_while_the_server_was_away_appears_when_it_is_back(browser: Browser, session_key: str) -> None:
    told = attempt()
    with reserved_port() as port:
        with web_process(port) as web:
            open_dashboard(browser, web.origin, session_key)
        browser.wait_for(f"!({LIVE})")
        browser.evaluate("document.body.dispatchEvent(new CustomEvent('changes-arrived'))")
        browser.wait_for("!document.querySelector('[data-stale]').hidden")
        record([told])
        with web_process(port):
            browser.wait_for(row(told["attempt_id"]))
            browser.wait_for("document.querySelector('[data-stale]').hidden")
            assert browser.evaluate("window.notReloaded")


def test_a_paused_feed_stands_still_and_misses_nothing(browser: Browser, session_key: str) -> None:
    told = attempt()
    with web_process() as web:
        open_dashboard(browser, web.origin, session_key)
        browser.evaluate("document.querySelector('[data-feed-pause]').click()")
        record([told])
        browser.wait_for("document.querySelector('[data-feed-state]').textContent === 'paused, 1 waiting'")
        assert browser.evaluate(f"{row(told['attempt_id'])} === null")
        browser.evaluate("document.querySelector('[data-feed-pause]').click()")
        browser.wait_for(row(told["attempt_id"]))


def test_the_feed_shows_no_more_rows_than_it_can_hold(browser: Browser, session_key: str) -> None:
    with web_process() as web:
        open_dashboard(browser, web.origin, session_key)
        for _ in range(3):
            record([attempt() for _ in range(50)])
        last = attempt()
        record([last])
        browser.wait_for(row(last["attempt_id"]))
        browser.wait_for("document.querySelectorAll('#live-feed-rows li').length === 40")


def test_no_page_is_wider_than_a_small_screen(browser: Browser, session_key: str) -> None:
    long = "x" * 255
    session = resolution(
        incident_id=long, title=long, service=long, environment=long, engine=long, summary={long: long}
    )
    told = attempt(
        **dict.fromkeys(("action_id", "action_type", "incident_id", "environment", "target", "engine"), long),
        resolution_id=session["resolution_id"],
        parameters={long: long, "nested": {long: [long]}},
        status="failed",
        error_type=long,
        error_message=long,
        logs=[{"sequence": 0, "step": long, "status": long, "details": {long: long}}],
    )
    record([told, told | {"attempt_id": attempt()["attempt_id"], "status": "in_progress"}], [session])
    with web_process() as web:
        browser.sign_in(web.origin, session_key)
        browser.look(width=360, height=800)
        for page in [
            "/",
            f"/?environment={long}",
            "/incidents/",
            f"/incidents/{long}/",
            f"/attempts/{told['attempt_id']}/",
            "/failure-patterns/",
            f"/statistics/?window=24h&environment={long}",
            f"/statistics/actions/?action_type={long}",
            "/confidence/",
        ]:
            browser.open(web.origin + page)
            # Parts that the page loads later are of the page too.
            browser.wait_for("window.htmx && !document.querySelector('.htmx-request')")
            browser.wait_for(
                "[...document.querySelectorAll('[hx-trigger=load]')].every((part) => part.children.length)"
            )
            browser.evaluate("document.querySelectorAll('details').forEach((details) => details.open = true)")
            assert browser.evaluate("document.documentElement.scrollWidth") <= 360, page
