"""API keys and staff in the admin: a new key is shown once, and a new member of staff gets a role."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from movies.admin.staff import StaffAdmin, actor_of
from tetraflix.access.api_keys import BadName, checked_name, create_key, is_key_of, revoke_keys
from tetraflix.models import ApiKey

admin.site.unregister(User)
admin.site.unregister(Group)


class StaffCreationForm(UserCreationForm):
    """Creates a member of staff with a password and a role."""

    usable_password = None  # all staff log in with a password
    role = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        widget=UnfoldAdminSelectWidget,
        help_text="Permissions: see Roles. To make them a superuser, edit the user afterwards.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            self.fields[name].required = True

    def save(self, commit: bool = True) -> User:
        self.instance.is_staff = True
        return super().save(commit)

    def _save_m2m(self) -> None:
        super()._save_m2m()
        self.instance.groups.set([self.cleaned_data["role"]])


@admin.register(User)
class UserAdmin(DjangoUserAdmin, StaffAdmin):
    list_name = "Staff"
    form = UserChangeForm
    add_form = StaffCreationForm
    add_form_template = "admin/change_form.html"
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "role")}),)
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "roles", "is_active", "is_superuser", "last_login"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "none"


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, StaffAdmin):
    list_name = "Roles"


class KeyForm(forms.ModelForm):
    """The form for a new key."""

    class Meta:
        model = ApiKey
        fields = ["name", "role"]

    def clean_name(self) -> str:
        try:
            return checked_name(str(self.cleaned_data["name"]))
        except BadName as error:
            raise forms.ValidationError(str(error)) from error


# A cookie takes the new key from the response that created it to the page that shows it, so that it is neither in a
# URL nor stored here. The cookie is for that page alone, which shows its value only if it matches the stored hash.
NEW_KEY = "new_api_key"
NEW_KEY_SECONDS = 60


@admin.register(ApiKey)
class ApiKeyAdmin(StaffAdmin):
    """Keys are created and revoked, but never changed or deleted, because the history of changes names them."""

    form = KeyForm
    list_display = ["name", "role", "lookup", "made", "used", "state"]
    list_filter = ["role"]
    search_fields = ["name", "lookup"]
    actions = ["revoke"]
    change_form_outer_before_template = "admin/tetraflix/apikey/new_key.html"
    change_form_outer_after_template = "admin/tetraflix/apikey/revoke_button.html"

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return [*KeyForm.Meta.fields, *(["lookup", "made", "used", "state"] if obj else [])]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A user who creates a key must also be allowed to view it."""
        return super().has_add_permission(request) and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tetraflix.change_apikey")

    @admin.display(description="Created (UTC)", ordering="created")
    def made(self, key: ApiKey) -> str:
        return f"{key.created:%Y-%m-%d %H:%M}{_by(key.created_by)}"

    @admin.display(description="Last used (UTC)", ordering="last_used")
    def used(self, key: ApiKey) -> str:
        return f"{key.last_used:%Y-%m-%d %H:%M}" if key.last_used else "never"

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}{_by(key.revoked_by)}" if key.revoked_at else "in use"

    # -- a new key -----------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().add_view(
                request, form_url, {"show_save_and_add_another": False} | (extra_context or {})
            )
        except BadName as error:  # another key took the name after the form was validated
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made, obj.secret = create_key(name=obj.name, role=obj.role, actor=actor_of(request))  # type: ignore[attr-defined]
        obj.pk, obj.lookup = made.pk, made.lookup

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        """Redirects to the key's page, which shows the key once."""
        page = reverse("admin:tetraflix_apikey_change", args=[obj.pk])
        response = HttpResponseRedirect(page)
        response.set_cookie(
            NEW_KEY,
            obj.secret,  # type: ignore[attr-defined]
            max_age=NEW_KEY_SECONDS,
            path=page,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The key's page. Browsers do not store it, because all of the admin's responses are `no-store`."""
        secret = request.COOKIES.get(NEW_KEY, "")
        key = self.get_object(request, object_id) if secret else None
        shown = secret if isinstance(key, ApiKey) and is_key_of(key, secret) else ""
        context = {"new_key": shown, "may_revoke": self.has_revoke_permission(request)}
        response = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        if secret:
            response.delete_cookie(NEW_KEY, path=request.path, samesite="Strict")
        return response

    # -- revocation ----------------------------------------------------------------------------

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Asks for confirmation with a list of the keys; then revokes them, effective at the next request."""
        keys = list(queryset.filter(revoked_at=None))
        if not keys:
            messages.warning(request, "Nothing was revoked, because no active key is selected.")
            return None
        if "sure" not in request.POST:
            context = {**self.admin_site.each_context(request), "title": "Revoke API keys?", "keys": keys}
            return TemplateResponse(request, "admin/tetraflix/apikey/revoke.html", context)
        with transaction.atomic():
            number = revoke_keys(queryset, actor=actor_of(request))
            for key in keys:
                self.log_change(request, key, "Revoked.")
        messages.success(request, f"{number} API key{'' if number == 1 else 's'} revoked, effective now.")
        return None


def _by(actor: str) -> str:
    return f" by {actor}" if actor else ""
