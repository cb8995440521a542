"""Pages of staff accounts: a new member has a password and a role, and can log in."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.auth.models import User
from django.test import Client

from movies.admin.staff import StaffAdmin

ADD = "/admin/auth/user/add/"
PASSWORD = "correct horse battery staple"


def form(**changed: Any) -> dict[str, Any]:
    return {"username": "ada", "password1": PASSWORD, "password2": PASSWORD} | changed


def role(page: Any, name: str) -> int:
    """The id of the role in the form's choice."""
    return next(
        group.pk for group in page.context["adminform"].form.fields["role"].queryset if group.name == name
    )


def test_a_new_member_of_staff_logs_in_and_sees_what_the_role_allows(boss: Client, roles: None):
    made = boss.post(ADD, form(role=role(boss.get(ADD), "operator")))
    ada = User.objects.get(username="ada")
    assert (made.status_code, made["Location"]) == (302, f"/admin/auth/user/{ada.pk}/change/")
    assert (ada.is_staff, ada.is_superuser, [group.name for group in ada.groups.all()]) == (
        True,
        False,
        ["operator"],
    )
    client = Client()
    entered = client.post("/admin/login/", {"username": "ada", "password": PASSWORD}, follow=True)
    assert entered.redirect_chain == [("/admin/", 302)]
    assert entered.status_code == 200
    seen = {page: client.get(f"/admin/{page}/").status_code for page in ("movies/movie", "auth/user")}
    assert seen == {"movies/movie": 200, "auth/user": 403}
    assert client.get("/admin/movies/movie/add/").status_code == 403


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"role": ""}, "role"),
        ({"role": "²"}, "role"),
        ({"role": "9" * 30}, "role"),
        ({"password1": ""}, "password1"),
        ({"password2": "another one"}, "password2"),
        ({"username": "a\0"}, "username"),
    ],
)
def test_a_new_member_needs_a_name_a_password_and_a_role(
    boss: Client, roles: None, changed: dict[str, str], field: str
):
    page = boss.post(ADD, form(role=role(boss.get(ADD), "viewer")) | changed)
    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors
    assert User.objects.count() == 1


def test_the_login_page_redirects_to_the_dashboard(db: None):
    User.objects.create_user("ada", password=PASSWORD, is_staff=True)
    response: Any = Client().post("/admin/login/", {"username": "ada", "password": PASSWORD})
    assert (response.status_code, response.url) == (302, "/admin/")


def test_no_list_of_the_admin_has_facets():
    """Counting each value of each filter would take minutes, and any viewer could start it."""
    for model, model_admin in admin.site._registry.items():
        assert isinstance(model_admin, StaffAdmin), model
        assert model_admin.show_facets is ShowFacets.NEVER, model
