"""What a key or a user may do. Who is asking is settled in authentication.py."""

from typing import Any, ClassVar

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from access.authentication import key_of
from access.errors import ApiError
from access.keys import Key


def require_scope(key: Key, scope: str) -> None:
    """Raises ApiError 403, naming the scope, when the key lacks it."""
    if scope not in key.scopes:
        raise ApiError(403, lacks_scope(scope))


def lacks_scope(scope: str) -> str:
    return f'This API key lacks the scope "{scope}". Use a key that has it.'


class MayRead(BasePermission):
    """Reading: a key with scope read, or any signed-in active user. The default of every API view.

    Refuses every change, so that a view that changes something and forgets to say who may is closed, not open.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        key = key_of(request)
        if key is None and not (request.user.is_authenticated and request.user.is_active):
            return False
        try:
            if key is not None:
                require_scope(key, "read")
        except ApiError as refusal:
            # Not raised on: Django REST framework asks this also to find out what may be done (OPTIONS).
            self.message = refusal.message
            return False
        # A method that the view does not have is let through to its 405.
        self.message = "Here you may only read."
        return request.method in SAFE_METHODS or not hasattr(view, (request.method or "").lower())


class MayChange(MayRead):
    """Changing by a named right: a signed-in user with the permission, or a key with the scope. Reading as in MayRead.

    scope is None where no key may, whatever its scopes.
    """

    permission: ClassVar[str]
    scope: ClassVar[str | None] = None

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS or not hasattr(view, (request.method or "").lower()):
            return super().has_permission(request, view)
        key = key_of(request)
        if key is not None:
            if self.scope is None:
                self.message = "No API key may do this. Sign in."
            elif self.scope not in key.scopes:
                self.message = lacks_scope(self.scope)
            else:
                return True
            return False
        self.message = f"You may not do this. It takes the permission {self.permission}, which the group operators has."
        return bool(request.user.is_active and request.user.has_perm(self.permission))
