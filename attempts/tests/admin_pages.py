"""Reading the admin's pages in tests."""

from typing import Any

from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse


def found(client: Client, page: str, **query: Any) -> list[Any]:
    """The keys of the rows on the first page of an admin list, in its order. page is a URL name."""
    response = client.get(reverse(page), query)
    assert response.status_code == 200
    return [row.pk for row in response.context["cl"].result_list]


def page_of(client: Client, name: str, row_id: object) -> str:
    """The HTML of one row's page. name is app_model."""
    response = client.get(reverse(f"admin:{name}_change", args=[quote(str(row_id))]))
    assert response.status_code == 200
    return response.content.decode()
