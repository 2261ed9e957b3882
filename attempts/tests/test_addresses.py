from urllib.parse import unquote, urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from attempts.addresses import incident_address
from resolutions.tests.recorded import attempt, record

ODD = [
    "INC-1",
    "team/db:7",
    "a b",
    " blanks around ",
    "ünïcode ☃ 漢字",
    "100% & more?x=1#y",
    "quote\"'<b>",
    "/leading/and/trailing/",
    "a//b",
    "..",
    "a/../b",
    ".",
    "line\nbreak",
    "recent",
    "back\\slash",
    "x" * 255,
]


@pytest.mark.django_db
@pytest.mark.parametrize("incident_id", ODD)
def test_the_page_of_every_incident_opens_at_its_address(admin_client: Client, incident_id: str) -> None:
    record([attempt(incident_id=incident_id, action_type="found it")])
    answer = admin_client.get(incident_address(incident_id))
    assert answer.status_code == 200
    assert "found it" in answer.content.decode()


@given(st.text(min_size=1, max_size=255))
def test_browsers_and_proxies_have_nothing_to_normalise_in_an_address(incident_id: str) -> None:
    path = unquote(urlsplit(incident_address(incident_id)).path)
    assert not {"", ".", ".."} & set(path.strip("/").split("/"))
