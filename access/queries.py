"""What is read about access. Nothing here writes."""

from access.keys import Key, digest
from access.models import ApiKey


def find_key(token: str) -> Key | None:
    """The active key that this text is, or None when there is none or it was revoked. One indexed query."""
    found = (
        ApiKey.objects.filter(digest=digest(token), revoked_at=None)
        .values_list("id", "name", "scopes", "engine")
        .first()
    )
    if found is None:
        return None
    key_id, name, scopes, engine = found
    return Key(id=key_id, name=name, scopes=frozenset(scopes), engine=engine)


def key_name(key_id: int) -> str | None:
    """The name of a key, revoked or not. One query."""
    return ApiKey.objects.filter(pk=key_id).values_list("name", flat=True).first()
