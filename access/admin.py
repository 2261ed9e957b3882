"""API keys in the admin: made (and shown once), looked at, revoked; never changed and never deleted."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from access.keys import create_key, revoke_key
from access.models import ApiKey


class NewKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no such subscript at run time
    """What is told of a new key."""

    scopes = forms.MultipleChoiceField(
        choices=[
            ("ingest", "ingest: write records"),
            ("read", "read: read everything"),
            ("operate", "operate: decide as an operator, such as on failure patterns"),
        ],
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "engine"]


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """The form makes a key; afterwards the only thing that happens to it is that it is revoked."""

    list_display = ["name", "prefix", "scope_names", "engine", "created_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "prefix", "engine"]
    actions = ["revoke"]
    told = ["name", "scopes", "engine"]
    kept = ["name", "prefix", "scope_names", "engine", "created_at", "created_by", "revoked_at", "revoked_by"]

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.told if obj is None else self.kept

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return [] if obj is None else self.kept

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, form=NewKeyForm if obj is None else forms.ModelForm, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("access.change_apikey")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **buttons})

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made, token = create_key(
            name=obj.name, scopes=obj.scopes, engine=obj.engine, created_by=cast(User, request.user)
        )
        obj.pk = made.pk
        obj.refresh_from_db()
        obj.token = token  # type: ignore[attr-defined]  # for response_add, in this request only

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Shows the key in the answer itself: a message would keep its text in a cookie or a session."""
        context = {
            **self.admin_site.each_context(request),
            "title": "API key made",
            "opts": self.opts,
            "key": obj,
            "token": obj.token,  # type: ignore[attr-defined]
        }
        return TemplateResponse(request, "access/admin_key_made.html", context)

    @admin.action(description="Revoke the selected API keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = [key for key in queryset if revoke_key(key=key, revoked_by=cast(User, request.user))]
        for key in revoked:
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"Revoked {len(revoked)} API key{'' if len(revoked) == 1 else 's'}.")
