"""API keys in the admin: their list, the form for a new one, and the addresses of what is done with one."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html

from movies.foundation.times import ago
from movies.staff_pages.confirmation import ask, is_sure
from movies.staff_pages.staff_admin import SELECT_ACROSS, StaffAdmin, actor_of
from tetraflix.access.api_keys import BadName, checked_name, create_key
from tetraflix.backoffice.access import key_pages
from tetraflix.backoffice.access.examples import PURPOSE
from tetraflix.backoffice.access.key_states import Text, by, shown, state
from tetraflix.models import UNUSED_DAYS, ApiKey

KeyPage = Callable[[HttpRequest, ApiKey], HttpResponse]
May = Callable[[HttpRequest], bool]  # a permission
MAX_NAMED = 10  # unused keys that the list names


class KeyForm(forms.ModelForm):
    """The form for a new key."""

    class Meta:
        model = ApiKey
        fields = ["name", "role"]
        help_texts = {"role": " ".join(f"{role.label}: for {purpose}." for role, purpose in PURPOSE.items())}

    def clean_name(self) -> str:
        try:
            return checked_name(str(self.cleaned_data["name"]))
        except BadName as error:
            raise forms.ValidationError(str(error)) from error


class StateFilter(admin.SimpleListFilter):
    """Active, unused, or refused keys."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("active", "Active"),
            ("unused", f"Unused for {UNUSED_DAYS} days"),
            ("refused", "Revoked or ended"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        keys = ApiKey.objects
        match self.value():
            case "active":
                return queryset.filter(pk__in=keys.active())
            case "unused":
                return queryset.filter(pk__in=keys.unused())
            case "refused":
                return queryset.exclude(pk__in=keys.active())
        return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(StaffAdmin):
    """Keys are created, rolled and revoked, but never changed or deleted, because the history names them."""

    form = KeyForm
    fields = KeyForm.Meta.fields
    list_display = ["name", "role", "key", "created_at", "used", "state"]
    list_filter = [StateFilter, "role"]
    search_fields = ["name", "lookup"]
    actions = ["revoke"]
    list_before_template = "admin/tetraflix/apikey/unused.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A user who creates a key must also be allowed to view it."""
        return super().has_add_permission(request) and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tetraflix.change_apikey")

    def has_roll_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_revoke_permission(request)

    @admin.display(description="Key")
    def key(self, key: ApiKey) -> str:
        return shown(key)

    @admin.display(description="Created", ordering="created")
    def created_at(self, key: ApiKey) -> Text:
        return format_html("<span>{}{}</span>", ago(key.created), by(key.created_by))

    @admin.display(description="Last used", ordering="last_used")
    def used(self, key: ApiKey) -> Text:
        return ago(key.last_used)

    @admin.display(description="State")
    def state(self, key: ApiKey) -> Text:
        return state(key)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        unused = list(ApiKey.objects.unused()[: MAX_NAMED + 1])
        context = {
            "unused": unused[:MAX_NAMED],
            "more_unused": len(unused) > MAX_NAMED,
            "unused_days": UNUSED_DAYS,
        }
        return super().changelist_view(request, context | (extra_context or {}))

    # -- a new key -----------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "New API key", "show_save_and_add_another": False}
        try:
            return super().add_view(request, form_url, context | (extra_context or {}))
        except BadName as error:  # another key took the name after the form was validated
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made, obj.secret = create_key(name=obj.name, role=obj.role, actor=actor_of(request))  # type: ignore[attr-defined]
        obj.pk, obj.lookup = made.pk, made.lookup

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_addition(request, obj, "Created.")

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        return key_pages.to_new_key(obj, obj.secret)  # type: ignore[attr-defined]

    # -- one key -------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        def show(request: HttpRequest, key: ApiKey) -> HttpResponse:
            may = {
                "may_roll": self.has_roll_permission(request),
                "may_revoke": self.has_revoke_permission(request),
            }
            return key_pages.show(request, key, **may)

        return self._of_key(show, self.has_view_permission, "GET")(request, object_id)

    def get_urls(self) -> list[URLPattern]:
        def act(name: str, page: KeyPage, may: May, *methods: str) -> URLPattern:
            view = self.admin_site.admin_view(self._of_key(page, may, *methods))
            return path(f"<path:object_id>/{name}/", view, name=f"tetraflix_apikey_{name}")

        return [
            act("roll", key_pages.roll, self.has_roll_permission, "GET", "POST"),
            act("end", key_pages.move_end, self.has_revoke_permission, "POST"),
            act("undo_roll", key_pages.undo, self.has_revoke_permission, "POST"),
            act("revoke", key_pages.revoke, self.has_revoke_permission, "POST"),
            *super().get_urls(),
        ]

    def _of_key(
        self,
        page: KeyPage,
        may: May,
        *methods: str,
    ) -> Callable[[HttpRequest, str], HttpResponse]:
        """A view that shows the page of the key with the id in the address, to those who may see it."""

        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            if not may(request) or request.method not in (*methods, "HEAD"):
                raise PermissionDenied
            key = self.get_object(request, object_id)
            if not isinstance(key, ApiKey):
                return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return page(request, key)

        return view

    # -- several keys --------------------------------------------------------------------------

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Asks with a list of the keys; then revokes them, effective at the next request."""
        keys = list(queryset.filter(pk__in=ApiKey.objects.active()))
        if keys and not is_sure(request):
            fields = [("action", "revoke"), ("index", 0), (SELECT_ACROSS, 0)]
            return ask(
                request,
                question=f"Revoke {len(keys)} API key{'' if len(keys) == 1 else 's'}?",
                consequences=[
                    f"{'It is' if len(keys) == 1 else 'They are'} refused from the next request on.",
                    key_pages.NO_WAY_BACK,
                ],
                items=[format_html("{}, last used {}", str(key), ago(key.last_used)) for key in keys],
                yes="Yes, revoke",
                fields=[*fields, *((ACTION_CHECKBOX_NAME, key.pk) for key in keys)],
                danger=True,
            )
        key_pages.revoke_now(request, keys)
        return None
