"""The addresses of pages that need care to write. Names of higher pages are known here, their code is not."""

import re
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

# What stays itself on its way through browsers, proxies and the URL resolver. Not so: empty, "." and ".." segments
# (browsers resolve them even when escaped), escaped slashes, blanks at the ends, line breaks.
_PLAIN_SEGMENT: Final = r"(?!\.{1,2}(?:/|\Z))[\w.~@:+=,;!$&'()*-]+"
_PLAIN: Final = re.compile(rf"{_PLAIN_SEGMENT}(?:/{_PLAIN_SEGMENT})*\Z", re.ASCII)


def incident_address(incident_id: str) -> str:
    """The page of an incident: /incidents/ID/ where the id is plain, else /incidents/?incident_id=ID."""
    if _PLAIN.match(incident_id):
        return reverse("incident", args=[incident_id])
    return f"{reverse('incidents')}?{urlencode({'incident_id': incident_id})}"
