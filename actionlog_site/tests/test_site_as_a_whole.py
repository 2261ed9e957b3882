"""The promises across processes: what one web process records another shows, and a fault of the rollups is told."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from websockets.sync.client import connect

from benchmarks.server import Server, fresh_server, web_process


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fresh_server() as server:
        yield server


def client_of(server: Server) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.api_key}"}, timeout=60)


def attempt(**facts: Any) -> dict[str, Any]:
    return {"attempt_id": str(uuid.uuid4()), "action_id": "a", "action_type": "restart", "incident_id": "inc", **facts}


def test_what_one_web_process_records_a_follower_of_another_hears_within_a_second(
    server: Server, tmp_path: Path
) -> None:
    with web_process(tmp_path, database_url=server.database_url) as other, client_of(server) as client:
        headers = {"Authorization": f"Bearer {other.api_key}"}
        address = f"{other.url.replace('http', 'ws')}/ws/live-feed/"
        with connect(address, additional_headers=headers, open_timeout=60) as feed:
            feed.send(json.dumps({"type": "subscribe"}))
            assert json.loads(feed.recv(timeout=60))["type"] == "heartbeat"
            took = []
            for _ in range(3):
                document = attempt()
                start = time.monotonic()
                assert client.post("/api/action-attempts/", json=document).status_code == 201
                while (heard := json.loads(feed.recv(timeout=60)))["type"] != "changes":
                    continue
                took.append(time.monotonic() - start)
                assert [each["attempt_id"] for each in heard["attempts"]] == [document["attempt_id"]]
            assert min(took) < 1


def test_a_fault_of_the_rollups_costs_no_record_and_the_answer_says_so_until_the_repair(server: Server) -> None:
    with client_of(server) as client, psycopg.connect(server.database_url, autocommit=True) as database:

        def metrics() -> dict[str, Any]:
            answer: dict[str, Any] = client.get("/api/resolution-monitor/metrics").json()
            return answer

        before = metrics()
        assert before["exact"] is True
        database.execute("ALTER TABLE resolution_metrics RENAME COLUMN success TO broken")
        try:
            assert client.post("/api/action-attempts/", json=attempt(status="success")).status_code == 201
            batch = {"action_attempts": [attempt(status="success") for _ in range(60)]}
            assert client.post("/api/ingest/", json=batch).status_code == 200
        finally:
            database.execute("ALTER TABLE resolution_metrics RENAME COLUMN broken TO success")
        missed = metrics()
        assert missed["exact"] is False
        assert missed["attempts"]["by_status"]["success"] == before["attempts"]["by_status"]["success"]
        assert server.manage("rebuild_metrics", "--check").returncode == 1

        assert server.manage("rebuild_metrics").returncode == 0

        repaired = metrics()
        assert repaired["exact"] is True
        assert repaired["attempts"]["by_status"]["success"] == before["attempts"]["by_status"]["success"] + 61
        assert server.manage("rebuild_metrics", "--check").returncode == 0
        feed = client.get("/api/resolution-monitor/live-feed", params={"after": 0}).json()
        assert feed["cursor"] > 0
