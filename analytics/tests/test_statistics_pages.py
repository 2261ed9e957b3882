"""The pages of statistics and of one type of action: what they say, what they refuse to break on, what they cost."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.buckets import bucket_of
from analytics.models import MetricRecount
from analytics.pages.statistics import GROUPS_SHOWN
from analytics.rollups import Key, add_to_stored
from analytics.tests.recording import ended, record_rows
from resolutions.tests.recorded import attempt, record, resolution

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
PAGES = [
    "/statistics/",
    "/statistics/capacity/",
    "/statistics/actions/?action_type=restart_service",
    "/statistics/actions/parameters/?action_type=restart_service",
    "/statistics/actions/steps/?action_type=restart_service",
    "/statistics/actions/attempts/?action_type=restart_service",
    "/confidence/",
]
WHOLE_PAGES = ["/statistics/", "/statistics/actions/?action_type=restart_service", "/confidence/"]


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def done(
    status: str = "success", *, seconds: float = 2, started: datetime | None = None, **facts: Any
) -> dict[str, Any]:
    """An attempt that ended, an hour ago unless told otherwise."""
    start = started or ago(hours=1)
    end = start + timedelta(seconds=seconds)
    return attempt(status=status, started_at=start.isoformat(), completed_at=end.isoformat(), **facts)


def get(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def text(markup: str) -> str:
    """What is read of it, with single blanks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", markup)).replace("\u202f", " ")).strip()


def table_rows(page: str) -> dict[str, list[str]]:
    """{name: texts of the other cells} of the rows of all tables of groups."""
    return {
        cells[0]: cells[1:]
        for table in re.findall(r'<table class="groups[^>]*>.*?</table>', page, re.DOTALL)
        for row in re.findall(r"<tr[^>]*>\s*<th scope=\"row\">.*?</tr>", table, re.DOTALL)
        if (cells := [text(cell) for cell in re.split("</t[dh]>", row)[:-1]])
    }


@pytest.mark.parametrize("address", PAGES)
def test_pages_are_for_those_who_signed_in(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("address", PAGES)
def test_pages_without_any_record_say_what_to_do(admin_client: Client, address: str) -> None:
    page = get(admin_client, address)
    assert 'class="empty"' in page
    assert "data-chart" not in page


@pytest.mark.parametrize("address", WHOLE_PAGES)
def test_what_draws_charts_is_loaded_only_where_there_is_one(admin_client: Client, address: str) -> None:
    assert "plotly" not in get(admin_client, address)
    record([done(confidence=0.8)], [resolution(status="resolved", confidence=0.8)])
    page = get(admin_client, address)
    assert '<script src="/static/plotly/plotly.min.js" defer></script>' in page
    assert "plotly" not in get(admin_client, "/")


def test_groups_are_told_as_claimed_and_as_verified_with_their_counts(admin_client: Client) -> None:
    now = timezone.now()
    record_rows(
        [
            *(ended(2, started_at=now, verdict="worked", verdict_at=now, completed_at=now) for _ in range(3)),
            ended(2, started_at=now, verdict="no_effect", verdict_at=now, completed_at=now),
            ended(2, started_at=now, completed_at=now),
            ended(2, started_at=now, status="failed", completed_at=now),
            ended(2, started_at=now, action_type="clear_cache", completed_at=now + timedelta(seconds=90)),
        ]
    )
    page = get(admin_client, "/statistics/")
    rows = table_rows(page)
    #  5 of 6: 44-97 %; 3 of 4: 30-95 %.
    assert rows["restart_pool"][:6] == [
        "6",
        "83.3 % 44\N{EN DASH}97 %",
        "6",
        "75.0 % 30\N{EN DASH}95 %",
        "4",
        "2",
    ]
    assert rows["clear_cache"][0] == "1"
    assert rows["clear_cache"][3:6] == ["\N{EN DASH}", "0", "1"]
    assert rows["clear_cache"][6].startswith("1 min")
    assert "6 of 7, as the engines told" in text(page)
    assert "3 of 4 with a verdict; 3 without" in text(page)


@pytest.mark.parametrize(
    ("grouping", "name"),
    [
        ("action_type", "restart_service"),
        ("incident_type", "latency"),
        ("engine", "triage"),
        ("engine_version", "triage 2.4"),
        ("environment", "production"),
        ("action_and_incident_type", "restart_service latency"),
    ],
)
def test_every_grouping_names_its_groups(admin_client: Client, grouping: str, name: str) -> None:
    record([done(incident_type="latency", engine="triage", engine_version="2.4", environment="production")])
    assert table_rows(get(admin_client, f"/statistics/?group_by={grouping}"))[name][0] == "1"


def test_sessions_have_statistics_of_their_own(admin_client: Client) -> None:
    record(
        [done()],
        [
            resolution(status=status, incident_type="latency")
            for status in ("resolved", "resolved", "failed", "escalated")
        ],
    )
    page = get(admin_client, "/statistics/?subject=resolution")
    assert table_rows(page)["latency"][:3] == ["4", "66.7 % 21\N{EN DASH}94 %", "3"]
    assert "Rate of resolved, claimed" in text(page)
    # Sessions have no action type to be grouped by.
    assert "action type</option>" not in page


def test_windows_environments_and_groups_narrow_the_page_and_are_kept(admin_client: Client) -> None:
    record(
        [
            done(environment="production"),
            done(environment="staging", engine="triage"),
            done(environment="staging", started=ago(days=20)),
        ]
    )
    started = r"Attempts started (\d+)"

    def count(query: str) -> list[str]:
        return re.findall(started, text(get(admin_client, f"/statistics/?{query}")))

    assert count("") == ["2"]
    assert count("window=30d") == ["3"]
    assert count("environment=staging") == ["1"]
    assert count("window=30d&environment=staging") == ["2"]
    assert count("engine=triage") == ["1"]
    page = get(admin_client, "/statistics/?engine=triage&environment=staging&group_by=engine")
    assert '<input type="hidden" name="engine" value="triage">' in page
    assert "engine=triage&amp;" in page
    assert 'hx-get="/statistics/capacity/?window=7d&amp;engine=triage' in page


def test_incidents_are_told_with_their_automation_rate_and_time_to_resolution(admin_client: Client) -> None:
    record([done()])
    key = Key(bucket_of(ago(hours=2)), "incident", "", "latency", "triage", "", "")
    add_to_stored({key: {"resolved": 3, "escalated": 1, 400: 3, "duration_microseconds": 360_000_000}})
    page = text(get(admin_client, "/statistics/"))
    automated = "resolved without escalation: 75.0 % (30\u201395 %), n = 4"
    assert f"Incidents closed 4 {automated} mean time to resolution 2 min 00 s" in page


def test_the_axis_shows_the_days_of_the_zone_asked_for(admin_client: Client) -> None:
    noon = timezone.now().replace(hour=20, minute=0, second=0, microsecond=0) - timedelta(days=2)
    record([done(started=noon)])
    labels = [f'<th scope="row">{day:%a} {day.day} {day:%b}</th>' for day in (noon, noon + timedelta(days=1))]

    def counted_on(zone: str) -> list[str]:
        rates = get(admin_client, f"/statistics/?timezone={zone}").split("chart-throughput-numbers")[1]
        return [re.findall(rf"{label}<td class=\"number\">(\d+)", rates)[0] for label in labels]

    assert counted_on("UTC") == ["1", "0"]
    assert counted_on("Asia/Tokyo") == ["0", "1"]


def test_more_groups_than_fit_are_folded_not_dropped(admin_client: Client) -> None:
    record([done(action_type=f"type-{number:02}") for number in range(GROUPS_SHOWN + 3)])
    page = get(admin_client, "/statistics/")
    assert "<summary>3 more</summary>" in page
    assert len([name for name in table_rows(page) if name.startswith("type-")]) == GROUPS_SHOWN + 3


def test_groups_beyond_what_is_read_are_counted(admin_client: Client) -> None:
    record([done(action_type=f"type-{number:03}") for number in range(103)])
    assert "3 more, with 3 attempts together, are not listed" in text(get(admin_client, "/statistics/"))


def test_figures_that_are_not_exact_say_so_and_what_to_do(admin_client: Client) -> None:
    record([done()])
    assert "rebuild_metrics" not in get(admin_client, "/statistics/")
    now = datetime.now(UTC)
    quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    MetricRecount.objects.create(bucket_start=quarter, reason="test", noted_at=now)
    assert "rebuild_metrics" in get(admin_client, "/statistics/")


ODD = [
    "window=2h",
    "window=",
    "bucket=year",
    "bucket=15m&window=90d",
    "subject=incident",
    "subject=resolution&group_by=action_type",
    "environment=" + "x" * 999,
    "environment=%F0%9F%94%A5",
    "timezone=Mars%2FOlympus",
    "timezone=America",
    "timezone=..%2F..%2Fetc",
    "engine=nobody&engine_version=%22",
    "incident_type=none",
    "nonsense=1",
]


@pytest.mark.parametrize("query", ODD)
def test_a_choice_that_is_not_offered_still_shows_a_page(admin_client: Client, query: str) -> None:
    record([done(confidence=0.5)])
    for address in PAGES:
        joined = address + ("&" if "?" in address else "?") + query
        assert admin_client.get(joined).status_code == 200, joined


@pytest.mark.parametrize("query", ["environment=a%00b", "timezone=%00", "action_type=%00", "engine=%ed%a0%80"])
def test_what_is_no_text_is_refused(admin_client: Client, query: str) -> None:
    for address in PAGES:
        assert admin_client.get(address + ("&" if "?" in address else "?") + query).status_code == 400


def test_a_page_of_no_type_leads_to_all_types(admin_client: Client) -> None:
    answer = admin_client.get("/statistics/actions/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/statistics/")


@pytest.mark.parametrize("address", PAGES)
def test_no_page_costs_more_queries_the_more_there_is(admin_client: Client, address: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            get(admin_client, address + ("&" if "?" in address else "?") + "window=30d")
        return len(captured)

    record([done(confidence=0.5, parameters={"n": 1})], [resolution(confidence=0.5)])
    few = queries()
    record(
        [
            done(
                action_type=kind,
                confidence=0.5,
                engine=f"e-{number}",
                started=ago(days=number),
                parameters={"n": number},
            )
            for number in range(25)
            for kind in ("restart_service", f"type-{number}")
        ],
        [resolution(confidence=0.5, engine=f"e-{number}") for number in range(25)],
    )
    assert queries() <= few <= 16


def test_nothing_that_an_engine_tells_becomes_markup(admin_client: Client) -> None:
    names = ("action_type", "incident_id", "incident_type", "environment", "target", "engine", "engine_version")
    told: dict[str, Any] = dict.fromkeys(names, SCRIPT)
    record(
        [
            done(
                status,
                **told,
                confidence=0.9,
                parameters={SCRIPT: SCRIPT if number % 2 else "other"},
                logs=[{"sequence": 0, "step": SCRIPT, "timestamp": ago(hours=1).isoformat()}],
            )
            for number, status in enumerate(["success", "failed"] * 15)
        ],
        [
            resolution(
                **dict.fromkeys(("incident_id", "incident_type", "environment", "engine", "engine_version"), SCRIPT),
                status="resolved",
                confidence=0.9,
            )
        ],
    )
    asked = quote(SCRIPT)
    for address in (
        *(
            f"/statistics/?group_by={grouping}"
            for grouping in ("action_and_incident_type", "engine_version", "environment")
        ),
        f"/statistics/?environment={asked}&engine={asked}",
        "/confidence/",
        f"/confidence/?subject=attempt&environment={asked}",
        *(f"/statistics/actions/{part}?action_type={asked}" for part in ("", "parameters/", "steps/", "attempts/")),
    ):
        page = get(admin_client, address)
        assert SCRIPT not in page, address
        assert "&lt;script&gt;" in page, address


def test_a_group_leads_to_its_type_of_action(admin_client: Client) -> None:
    record([done(action_type="scale & go/now", environment="production")])
    page = get(admin_client, "/statistics/?environment=production&window=24h")
    [address] = re.findall(r'<a href="(/statistics/actions/[^"]*)">scale', page)
    whole = get(admin_client, unescape(address))
    assert "<h1>scale &amp; go/now</h1>" in whole
    assert re.findall(r"Attempts started (\d+)", text(whole)) == ["1"]
    assert '<option value="production" selected>' in whole


def test_parameters_say_what_goes_with_success_and_what_chance_could_do(admin_client: Client) -> None:
    def told(rolling: bool, succeeds: bool, number: int) -> dict[str, Any]:
        parameters = {"rolling": rolling, "zone": "ab"[number % 2], "request": f"6f1e{number:08x}"}
        return done("success" if succeeds else "failed", parameters=parameters, seconds=5)

    record(
        [
            *(told(True, number < 57, number) for number in range(60)),
            *(told(False, number < 15, number) for number in range(60)),
        ]
    )
    part = get(admin_client, "/statistics/actions/parameters/?action_type=restart_service")
    found = [
        [text(cell) for cell in re.split("</t[dh]>", row)[:-1]]
        for row in re.findall(r"<tr>\s*<th.*?</tr>", part, re.DOTALL)
    ]
    by_value = {(cells[0], cells[1]): cells[2:] for cells in found if len(cells) == 8}
    assert by_value["rolling", "true"][:2] == ["95.0 % 86\N{EN DASH}98 %", "60"]
    assert by_value["rolling", "true"][2:4] == ["25.0 % 16\N{EN DASH}37 %", "60"]
    assert by_value["rolling", "true"][4:] == ["5.0 s", "higher"]
    assert by_value["rolling", "false"][-1] == "lower"
    assert by_value["zone", '"a"'][-1] == "chance could do it"
    assert "request : identifiers: each names one thing" in text(part)
    assert "2 values differ from the rest by more than chance" in text(part)


def test_steps_tell_which_of_them_is_the_bottleneck(admin_client: Client) -> None:
    start = ago(hours=1)
    steps = [("check", 0), ("execute", 10)]
    logs = [
        {"sequence": place, "step": name, "timestamp": (start + timedelta(seconds=seconds)).isoformat()}
        for place, (name, seconds) in enumerate(steps)
    ]
    record([done(started=start, seconds=100, logs=logs)])
    part = get(admin_client, "/statistics/actions/steps/?action_type=restart_service")
    assert "most of the time goes to execute" in text(part)
    rows = table_rows(part)
    assert rows["execute"][:3] == ["90.0 %", "1", "1 min 30 s"]
    assert rows["check"][:3] == ["10.0 %", "1", "10 s"]


def test_the_slowest_and_the_latest_attempts_are_listed_with_links(admin_client: Client) -> None:
    slow, quick = done(seconds=300, started=ago(hours=3)), done(seconds=1)
    record([slow, quick])
    part = get(admin_client, "/statistics/actions/attempts/?action_type=restart_service")
    assert re.findall(r'href="/attempts/([0-9a-f-]+)/"', part) == [
        *(slow["attempt_id"], quick["attempt_id"]),
        *(quick["attempt_id"], slow["attempt_id"]),
    ]


def test_capacity_tells_how_many_ran_at_once(admin_client: Client) -> None:
    start = ago(hours=1)
    record([done(seconds=60, started=start), done(seconds=60, started=start + timedelta(seconds=30))])
    part = get(admin_client, "/statistics/capacity/?window=24h")
    peaks = re.findall(r'</th><td class="number">(\d+)</td>', part)
    assert max(map(int, peaks)) == 2


def test_confidence_is_told_in_words_and_by_engine(admin_client: Client) -> None:
    record(
        [
            done(status, confidence=0.9, engine="boaster", engine_version="1")
            for status in ["success"] * 30 + ["failed"] * 30
        ]
    )
    page = get(admin_client, "/confidence/?subject=attempt")
    assert "As the engines told claimed Over-confident It said 0.90 on average, and 0.50 succeeded (30 of 60)" in text(
        page
    )
    row = table_rows(page)["boaster 1"]
    #  Brier: (0.01 + 0.81) / 2; error: 0.9 - 0.5.
    assert row[:6] == ["over-confident", "0.900", "50.0 % 38\N{EN DASH}62 %", "60", "0.410", "0.400"]
    assert row[6:] == ["too little data", "\N{EN DASH}", "0", "\N{EN DASH}", "\N{EN DASH}"]
    assert "30 of 60" not in text(get(admin_client, "/confidence/?subject=resolution"))


def test_every_signed_in_user_may_look(client: Client) -> None:
    client.force_login(User.objects.create_user("reader"))
    for address in PAGES:
        assert client.get(address).status_code == 200
