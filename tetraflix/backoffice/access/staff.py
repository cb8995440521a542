"""Staff in the admin: a person has a name, a password and roles."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminRadioSelectWidget

from movies.foundation.times import ago
from tetraflix.backoffice.access import role_sentences
from tetraflix.backoffice.access.plain_names import PlainlyNamed
from tetraflix.backoffice.access.roles import all_roles

admin.site.unregister(User)
MORE = ["is_superuser", "is_staff", "user_permissions", "first_name", "last_name", "email"]


def _described(role: Group) -> str:
    return f"{role.name}: {role_sentences.of_role(role)}"


class RoleChoice(forms.ModelChoiceField):
    """One role, offered with its sentences."""

    widget = UnfoldAdminRadioSelectWidget

    def label_from_instance(self, role: Group) -> str:
        return _described(role)


class RolesChoice(forms.ModelMultipleChoiceField):
    """Any number of roles, offered with their sentences."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def label_from_instance(self, role: Group) -> str:
        return _described(role)


class StaffCreationForm(UserCreationForm):
    """Creates a member of staff with a password and a role."""

    usable_password = None  # all staff log in with a password
    role = RoleChoice(all_roles(), empty_label=None, help_text="More roles can be given afterwards.")

    class Meta(UserCreationForm.Meta):
        labels = {"username": "Name"}
        help_texts = {"username": "To log in with: letters, digits and @ . + - _"}

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


class StaffForm(UserChangeForm):
    """A member of staff."""

    password = None  # type: ignore[assignment]
    groups = RolesChoice(all_roles(), required=False, label="Roles")

    class Meta:
        model = User
        fields = ["username", "groups", "is_active", *MORE]
        labels = {"username": "Name", "is_active": "May log in"}
        help_texts = {
            "username": "To log in with: letters, digits and @ . + - _",
            "is_active": "Switch this off for people who leave. Records keep their names, so nobody is deleted.",
        }


class RoleFilter(admin.SimpleListFilter):
    """Those who have a role, and superusers."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = Group.objects.order_by("name").values_list("name", flat=True)
        return [("superuser", "superuser"), *((name, name) for name in names if name != "superuser")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        match self.value():
            case None:
                return queryset
            case "superuser":
                return queryset.filter(is_superuser=True)
            case name:
                return queryset.filter(groups__name=name)


@admin.register(User)
class StaffMembers(DjangoUserAdmin, PlainlyNamed):
    """Nobody is deleted: records name people, and some would be deleted with them."""

    verbose_name = "member of staff"
    verbose_name_plural = "staff"
    form = StaffForm
    add_form = StaffCreationForm
    add_form_template = "admin/change_form.html"
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2", "role")}),)
    change_password_form = AdminPasswordChangeForm
    list_display = ["name", "roles", "logs_in", "last_seen"]
    list_filter = [RoleFilter, "is_active"]
    filter_horizontal = ["user_permissions"]
    readonly_fields = ["password_set", "may", "last_seen", "joined"]
    actions = None

    class Media:
        css = {"all": ["tetraflix/access.css"]}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Permissions of the person's own, and what makes a superuser, are for superusers."""
        if obj is None:
            return self.add_fieldsets
        plain = (
            None,
            {"fields": ["username", "password_set", "groups", "may", "is_active", "last_seen", "joined"]},
        )
        more = ("More", {"fields": MORE, "classes": ["collapse"]})
        return [plain, more] if request.user.is_superuser else [plain]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Name", ordering="username")
    def name(self, user: User) -> str:
        return user.username

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        names = ["superuser"] if user.is_superuser else []
        return ", ".join([*names, *sorted(group.name for group in user.groups.all())]) or "none"

    @admin.display(description="May log in", ordering="is_active")
    def logs_in(self, user: User) -> SafeString:
        may = user.is_active and user.is_staff
        return format_html('<span class="tf-{}">{}</span>', *(("good", "yes") if may else ("bad", "no")))

    @admin.display(description="Last login", ordering="last_login")
    def last_seen(self, user: User) -> SafeString | str:
        return ago(user.last_login)

    @admin.display(description="Added")
    def joined(self, user: User) -> SafeString | str:
        return ago(user.date_joined)

    @admin.display(description="Password")
    def password_set(self, user: User) -> SafeString:
        page = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html(
            'Only its hash is stored. <a class="tf-button" href="{}">Set a new password</a>', page
        )

    @admin.display(description="Altogether")
    def may(self, user: User) -> str:
        kept: dict[str, Any] = vars(user)  # because the template of the theme asks five times
        if "sentences" not in kept:
            kept["sentences"] = role_sentences.of_person(user)
        return str(kept["sentences"])

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: Any = None) -> HttpResponse:
        messages.success(request, f"{obj.username} can log in now, as {self.roles(obj)}.")
        return HttpResponseRedirect(reverse("admin:auth_user_change", args=[obj.pk]))
