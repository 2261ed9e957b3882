"""The one shape of every error the API answers with, and how each exception becomes it.

{"error": {"code": "invalid", "message": "...", "field": "started_at", "path": "action_attempts[3].started_at"}}

field is the name at fault and path where it stands in what was sent; both are null when no field is at fault. The
answers to whole requests that no view saw (unknown addresses, crashes) are in error_pages.py.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
from django.core import exceptions as django_exceptions
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf_exceptions
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.settings import api_settings

logger = logging.getLogger(__name__)

CODES: Final = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    429: "throttled",
    500: "internal",
    503: "unavailable",
}

# What every 401 says in its WWW-Authenticate header.
CHALLENGE: Final = 'Bearer realm="actionlog"'

# The pool's own timeout (psycopg_pool.PoolTimeout) is a psycopg.OperationalError.
DATABASE_LOST: Final = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# A standby, or a server set read-only while its disk is full: what is to be written cannot be for now.
READ_ONLY: Final = psycopg.errors.ReadOnlySqlTransaction
BAD_DATA: Final = (DataError, psycopg.DataError)


class ApiError(Exception):
    """An error told to the client as it is. The code follows from the status when it is not given."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or CODES.get(status, "invalid" if status < 500 else "internal")
        self.message = message
        self.field = field
        self.path = path
        self.headers: dict[str, str] = dict(headers or {})

    def body(self) -> dict[str, Any]:
        return error_body(self.code, self.message, field=self.field, path=self.path)


def error_body(code: str, message: str, *, field: str | None = None, path: str | None = None) -> dict[str, Any]:
    """The JSON body of an error answer."""
    return {"error": {"code": code, "message": message, "field": field, "path": path}}


class ErrorDetailSerializer(serializers.Serializer[Any]):
    """What is wrong, for the OpenAPI schema."""

    code = serializers.ChoiceField(choices=sorted(CODES.values()))
    message = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    path = serializers.CharField(allow_null=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """An error answer, for the OpenAPI schema."""

    error = ErrorDetailSerializer()


def unauthorized(message: str) -> ApiError:
    """A 401 that names the way in."""
    return ApiError(401, message, headers={"WWW-Authenticate": CHALLENGE})


def database_lost() -> ApiError:
    """The 503 of a database that cannot be reached."""
    return ApiError(503, "The database cannot be reached. Send the request again.", headers={"Retry-After": "1"})


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's EXCEPTION_HANDLER. None for an exception that is a fault of ours: it becomes a 500."""
    error = as_api_error(exc)
    if error is None:
        return None
    return Response(error.body(), status=error.status, headers=error.headers)


def as_api_error(exc: BaseException | None) -> ApiError | None:
    """The error to tell the client for this exception, or None when it is a fault of ours and not to be told."""
    match exc:
        case ApiError():
            return exc
        case _ if isinstance(exc, DATABASE_LOST) or isinstance(exc and (exc.__cause__ or exc), READ_ONLY):
            # Also a full disk or a cancelled statement: the log must tell which.
            logger.warning("Answered 503, for the database said: %s", exc)
            return database_lost()
        case _ if isinstance(exc, BAD_DATA):
            logger.warning("Answered 400, for the database said: %s", exc)
            return ApiError(400, "The database cannot hold a value that was sent: out of range, or with a NUL in it.")
        case drf_exceptions.ValidationError():
            return _validation_error(exc.detail)
        case django_exceptions.ValidationError():
            return _validation_error(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
        case drf_exceptions.NotAuthenticated():
            return unauthorized("Send an API key (Authorization: Bearer KEY), or sign in.")
        case drf_exceptions.APIException():
            return _drf_error(exc)
        case Http404():
            return ApiError(404, str(exc) or "There is nothing at this address.")
        case django_exceptions.PermissionDenied():
            return ApiError(403, str(exc) or "You may not do this.")
        case django_exceptions.RequestDataTooBig():
            return ApiError(413, "The request is too large.")
        case django_exceptions.SuspiciousOperation() | django_exceptions.BadRequest():
            return ApiError(400, "The request cannot be understood.")
        case _:
            return None


def _drf_error(exc: drf_exceptions.APIException) -> ApiError:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    faults = [message for _, message in _faults(exc.detail, "")]
    return ApiError(exc.status_code, " ".join(faults), headers=headers)


def _validation_error(detail: Any) -> ApiError:
    """The first fault decides field and path; the message names all."""
    faults = list(_faults(detail, ""))
    if not faults:
        return ApiError(400, "The request is not valid.")
    path = faults[0][0] or None
    field = path.rpartition(".")[2].partition("[")[0] if path else None
    message = "; ".join(f"{where}: {what}" if where else what for where, what in faults)
    return ApiError(400, message, field=field or None, path=path)


def _faults(detail: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, message) for each fault, in the order in which the serializer tells them."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            if isinstance(key, int):
                yield from _faults(value, f"{path}[{key}]")
            elif key in (api_settings.NON_FIELD_ERRORS_KEY, django_exceptions.NON_FIELD_ERRORS):
                yield from _faults(value, path)
            else:
                yield from _faults(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list | tuple):
        for position, value in enumerate(detail):
            # A list of texts is several faults of one place; a list of dicts has one entry an item that was sent.
            yield from _faults(value, path if isinstance(value, str) else f"{path}[{position}]")
    else:
        yield path, str(detail)
