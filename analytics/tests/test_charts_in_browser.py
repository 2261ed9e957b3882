"""Charts in a real browser under our own Content-Security-Policy: drawn, in the colours of the page, and not needed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.tests.browser import BINARY, Browser, headless_browser
from resolutions.feed.tests.web_process import web_process
from resolutions.tests.recorded import Json, attempt, record, resolution

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(BINARY is None, reason="no chromium binary is found (Debian: apt-get install chromium)"),
]

LONG = "x" * 255
PAGES = {
    "/statistics/?window=24h": 5,
    f"/statistics/actions/?action_type={LONG}": 3,
    "/confidence/?subject=attempt": 1,
}
DRAWN = "document.querySelectorAll('[data-chart] svg.main-svg:first-child').length"
FITS = "(place) => Math.abs(place.querySelector('.main-svg').clientWidth - place.clientWidth) <= 1"
# Whatever the policy keeps from the page, also where nothing is written to the console about it.
WATCH = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless_browser() as browser:
        yield browser


@pytest.fixture
def session_key(client: Client, django_user_model: type[User]) -> str:
    client.force_login(django_user_model.objects.create_user("operator"))
    return client.cookies["sessionid"].value


def history() -> tuple[list[Json], list[Json]]:
    start = datetime.now(UTC) - timedelta(hours=3)
    who = dict.fromkeys(("engine", "engine_version", "environment", "incident_type", "target"), LONG)
    attempts = [
        attempt(
            **who,
            action_type=LONG,
            status=status,
            confidence=0.7,
            started_at=(start + timedelta(minutes=number)).isoformat(),
            completed_at=(start + timedelta(minutes=number, seconds=90)).isoformat(),
            parameters={LONG: LONG[:60], "n": number},
            logs=[{"sequence": 0, "step": LONG, "timestamp": start.isoformat()}],
        )
        for number, status in enumerate(["success", "failed", "success"] * 12)
    ]
    return attempts, [resolution(**dict.fromkeys(("engine", "environment"), LONG), status="resolved")]


def test_charts_are_drawn_in_the_colours_of_the_page_and_fit_a_phone(browser: Browser, session_key: str) -> None:
    record(*history())
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    with web_process() as web:
        browser.sign_in(web.origin, session_key)
        for address, charts in PAGES.items():
            browser.reports.clear()
            browser.look(width=360, height=800)
            browser.open(web.origin + address)
            browser.wait_for(f"{DRAWN} >= {charts - 1}")
            # What is fetched later has come, too.
            browser.wait_for("document.querySelectorAll('main [hx-trigger=load]').length === 0")
            browser.wait_for(f"{DRAWN} === document.querySelectorAll('[data-chart]').length")
            browser.evaluate("document.querySelectorAll('details').forEach((details) => details.open = true)")
            assert browser.evaluate("document.documentElement.scrollWidth") <= 360, address
            assert browser.evaluate("violations.join()") == ""
            assert browser.reports == []

            ink = "getComputedStyle(document.querySelector('.main-svg .xtick text')).fill"
            light = browser.evaluate(ink)
            browser.look(width=1300, height=900, dark=True)
            browser.wait_for(f"{ink} !== {light!r}")
            browser.wait_for(f"[...document.querySelectorAll('[data-chart]')].every({FITS})")
            assert browser.evaluate("document.documentElement.scrollWidth") <= 1300, address
            assert browser.evaluate("violations.join()") == ""


def test_without_what_draws_them_the_numbers_are_unfolded(browser: Browser, session_key: str) -> None:
    record(*history())
    with web_process() as web:
        browser.sign_in(web.origin, session_key)
        browser.call("Network.setBlockedURLs", urls=["*plotly*"])
        try:
            browser.open(web.origin + "/confidence/?subject=attempt")
            browser.wait_for("document.querySelector('.chart details').open")
            assert browser.evaluate("document.querySelector('[data-chart]').hidden")
            assert browser.evaluate("document.querySelectorAll('.chart tbody tr').length") == 10
        finally:
            browser.call("Network.setBlockedURLs", urls=[])


def test_the_browsers_own_time_zone_can_be_chosen(browser: Browser, session_key: str) -> None:
    browser.call("Emulation.setTimezoneOverride", timezoneId="Pacific/Auckland")
    try:
        with web_process() as web:
            browser.sign_in(web.origin, session_key)
            browser.open(web.origin + "/statistics/")
            chosen = "document.querySelector('select[name=timezone]')"
            browser.evaluate(
                f"{chosen}.value = 'Pacific/Auckland'; {chosen}.dispatchEvent(new Event('change', {{bubbles: true}}))"
            )
            browser.wait_for(
                "location.search.includes('timezone=Pacific%2FAuckland') && document.readyState === 'complete'"
            )
            assert browser.evaluate(f"{chosen}.value") == "Pacific/Auckland"
    finally:
        browser.call("Emulation.setTimezoneOverride", timezoneId="")
