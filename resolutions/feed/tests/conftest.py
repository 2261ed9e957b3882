"""Keys, and one web process for all tests of the feed: like any server it outlives the rows it shows."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from access.keys import create_key
from resolutions.feed.hub import Hub, close_hub, open_hub
from resolutions.feed.tests.recording import attempt, record
from resolutions.feed.tests.web_process import WebProcess, web_process


@pytest.fixture(scope="session")
def shared_process(django_db_setup: None, django_db_blocker: Any) -> Iterator[WebProcess]:
    with django_db_blocker.unblock(), web_process() as process:
        yield process


@pytest.fixture
def make_key(transactional_db: None) -> Callable[..., str]:
    """Makes a key with the scopes given, and returns its text."""
    return lambda *scopes: create_key(name="test", scopes=scopes)[1]


@pytest.fixture
def key(make_key: Callable[..., str]) -> str:
    return make_key("read")


@pytest.fixture
async def hub(transactional_db: None) -> AsyncIterator[Hub]:
    """The hub of this very process."""
    yield open_hub()
    await close_hub()


@pytest.fixture
def web(shared_process: WebProcess, key: str) -> WebProcess:
    """The web process, once it knows that the tables were emptied since the test before."""
    begin = record([attempt()])
    with shared_process.follow(key) as follower:
        follower.subscribe()
        # It is told of what its hub finds out later, be it a change or that the head went back.
        while follower.cursor != begin:
            follower.hear()
    return shared_process
