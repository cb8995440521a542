"""Roles in the admin: each reads as sentences, and its permissions are offered in words."""

from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from movies.staff_pages.confirmation import ask, is_sure
from tetraflix.backoffice.access import role_sentences
from tetraflix.backoffice.access.plain_names import PlainlyNamed

admin.site.unregister(Group)
MAX_NAMED = 20  # people with a role that a page names
LIST = "admin:auth_group_changelist"


def all_roles() -> QuerySet[Group]:
    return Group.objects.order_by("name").prefetch_related(role_sentences.WITH_PERMISSIONS)


class PermissionsChoice(forms.ModelMultipleChoiceField):
    """Permissions, offered in words beside the name that code has for them."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def label_from_instance(self, permission: Permission) -> str:
        return f"{role_sentences.phrase(permission)} ({role_sentences.full_name(permission)})"


class RoleForm(forms.ModelForm):
    """Offers the permissions that pages ask for, and others that the role has."""

    permissions = PermissionsChoice(Permission.objects.none(), required=False, label="May")

    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "permissions" in self.fields:  # not on the page of someone who only looks
            self.fields["permissions"].queryset = _offered(self.instance)  # type: ignore[attr-defined]


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, PlainlyNamed):
    """Roles are groups of Django."""

    verbose_name = "role"
    verbose_name_plural = "roles"
    form = RoleForm
    list_display = ["name", "may", "people"]
    actions = None
    readonly_fields = ["may", "people"]
    filter_horizontal = ()  # the form has a field of its own for permissions

    class Media:
        css = {"all": ["tetraflix/access.css"]}

    def get_fieldsets(self, request: HttpRequest, obj: Group | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["name", "permissions"]})]
        return [
            (None, {"fields": ["name", "may", "people"]}),
            ("Permissions", {"fields": ["permissions"], "classes": ["collapse"]}),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).prefetch_related(role_sentences.WITH_PERMISSIONS, "user_set")

    @admin.display(description="May")
    def may(self, role: Group) -> str:
        return role_sentences.of_role(role)

    @admin.display(description="Staff with this role")
    def people(self, role: Group) -> SafeString | str:
        people = role.user_set.all()
        links = (
            (reverse("admin:auth_user_change", args=[one.pk]), one.username) for one in people[:MAX_NAMED]
        )
        if not people:
            return "none"
        named = format_html_join(", ", '<a href="{}">{}</a>', links)
        return format_html("{}{}", named, " and more" if len(people) > MAX_NAMED else "")

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Asks; then deletes the role, which its people lose."""
        role = self.get_object(request, object_id)
        if not self.has_delete_permission(request, role):
            raise PermissionDenied
        if not isinstance(role, Group):
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not is_sure(request):
            page = reverse("admin:auth_group_change", args=[role.pk])
            people = list(role.user_set.values_list("username", flat=True)[: MAX_NAMED + 1])
            return ask(
                request,
                question=f"Delete the role {role.name}?",
                consequences=[
                    f"It allows: {role_sentences.of_role(role)}",
                    "These people lose it:" if people else "Nobody has it.",
                ],
                items=people[:MAX_NAMED],
                more=len(people) > MAX_NAMED,
                yes="Yes, delete the role",
                fields=(),
                danger=True,
                back=page,
                crumbs=[(role.name, page)],
            )
        self.log_deletions(request, Group.objects.filter(pk=role.pk))
        role.delete()
        messages.success(request, f"The role {role.name} is deleted.")
        return HttpResponseRedirect(reverse(LIST))


def _offered(role: Group) -> QuerySet[Permission]:
    """Those that pages ask for, in the order of `role_sentences`, and after them others that the role has."""
    known = [
        Q(content_type__app_label=label, codename=codename)
        for label, codename in (name.split(".") for name in role_sentences.KNOWN)
    ]
    held = Q(pk__in=role.permissions.values("pk")) if role.pk else Q()
    place = Case(*(When(one, then=place) for place, one in enumerate(known)), default=len(known))
    offered = reduce(or_, known, held)
    return Permission.objects.filter(offered).order_by(place, "pk").select_related("content_type")
