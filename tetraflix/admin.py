"""API keys and staff in the admin: a key is shown once, when it is made."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tetraflix.keys import create_key, revoke_keys
from tetraflix.models import ApiKey

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "roles", "is_active", "is_superuser", "last_login"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "none"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


class KeyForm(forms.ModelForm):
    """What a new key is asked for with."""

    class Meta:
        model = ApiKey
        fields = ["name", "role"]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if not name.isprintable():
            raise forms.ValidationError("A key's name has 1 to 100 printable characters.")
        return name


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    """Made and revoked; never changed, and never deleted, because the history names it."""

    form = KeyForm
    list_display = ["name", "role", "lookup", "created", "last_used", "state"]
    list_filter = ["role"]
    search_fields = ["name", "lookup"]
    actions = ["revoke"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tetraflix.change_apikey")

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in use"

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        number = revoke_keys(queryset)
        messages.success(request, f"{number} revoked: refused from the next request on.")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made, obj.secret = create_key(name=obj.name, role=obj.role)  # type: ignore[attr-defined]
        obj.pk, obj.lookup = made.pk, made.lookup

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        """The key itself, in this answer alone: it is kept nowhere, not even in a message."""
        context = {
            **self.admin_site.each_context(request),
            "title": "A new API key",
            "key": obj,
            "secret": obj.secret,  # type: ignore[attr-defined]
            "opts": self.opts,
        }
        # no browser keeps the page: the admin's answers are all `no-store`
        return TemplateResponse(request, "admin/tetraflix/apikey/made.html", context)
