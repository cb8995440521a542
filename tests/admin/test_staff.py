"""Pages of staff accounts: a new member has a password and a role, and can log in."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from movies.staff_pages.staff_admin import StaffAdmin
from tests.admin.forms import says
from tests.movies.factories import movie
from tests.staff import logged_in
from tests.statements import sent_statements
from tetraflix.access.api_keys import create_key
from tetraflix.access.rolling import ENDS, roll_key
from tetraflix.backoffice.access import role_sentences

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
    assert says(boss.get(made["Location"])) == ["ada can log in now, as operator."]
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


def person_form(user: User, **changed: Any) -> dict[str, Any]:
    """What a browser sends for the page of a person who may log in."""
    roles = [str(pk) for pk in user.groups.values_list("pk", flat=True)]
    form = {"username": user.username, "groups": roles, "is_active": "on", "is_staff": "on"} | changed
    return {name: value for name, value in form.items() if value is not None}


def test_the_page_of_a_person_gives_roles_and_switches_the_login_off(boss: Client, roles: None):
    ada = User.objects.create_user("ada", password=PASSWORD, is_staff=True)
    page = f"/admin/auth/user/{ada.pk}/change/"
    shown = boss.get(page).content.decode()
    for text in ("editor: May see movies", "Set a new password", "May only see the dashboard."):
        assert text in shown
    chosen = [str(Group.objects.get(name=name).pk) for name in ("viewer", "operator")]
    boss.post(page, person_form(ada, groups=chosen))
    assert sorted(ada.groups.values_list("name", flat=True)) == ["operator", "viewer"]
    assert "May also redrive and discard dead letters." in boss.get(page).content.decode()
    client = Client()
    assert client.login(username="ada", password=PASSWORD)
    boss.post(page, person_form(ada, is_active=None))
    assert client.get("/admin/").status_code == 302
    assert "operator, viewer" in boss.get("/admin/auth/user/?role=operator").content.decode()
    found = {
        role: sorted(
            user.username for user in boss.get(f"/admin/auth/user/?role={role}").context["cl"].result_list
        )
        for role in ("viewer", "superuser", "editor")
    }
    assert found == {"viewer": ["ada"], "superuser": ["boss"], "editor": []}


def test_only_a_superuser_sees_and_sets_what_makes_one(boss: Client, roles: None):
    clerk = logged_in("clerk")
    user = User.objects.get(username="clerk")
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_user", "change_user")))
    page = f"/admin/auth/user/{user.pk}/change/"
    assert ("user_permissions" in boss.get(page).content.decode()) is True
    assert ("user_permissions" in clerk.get(page).content.decode()) is False
    clerk.post(page, person_form(user, is_superuser="on", username="clara"))
    user.refresh_from_db()
    assert (user.username, user.is_superuser, user.is_staff) == ("clara", False, True)


def test_nobody_is_deleted(boss: Client):
    ada = User.objects.create_user("ada", is_staff=True)
    assert boss.post(f"/admin/auth/user/{ada.pk}/delete/", {"post": "yes"}).status_code == 403
    boss.post(
        "/admin/auth/user/", {"action": "delete_selected", "_selected_action": [str(ada.pk)], "post": "yes"}
    )
    assert User.objects.filter(pk=ada.pk).exists()


def permissions(*names: str) -> list[Permission]:
    return [
        Permission.objects.select_related("content_type").get(
            content_type__app_label=label, codename=codename
        )
        for label, codename in (name.split(".") for name in names)
    ]


def test_permissions_read_as_sentences(db: None):
    read = role_sentences.sentences
    assert read([]) == "May only see the dashboard."
    assert read(permissions("movies.view_movie")) == "May see movies."
    assert read(permissions("movies.add_movie", "movies.delete_movie")) == "May add movies and delete movies."
    mixed = ("sessions.view_session", "movies.change_movie", "movies.view_job", "movies.view_movie")
    assert read(permissions(*mixed)) == (
        "May see movies and bulk jobs. May also change or hide movies and view session."
    )


def test_every_permission_that_a_sentence_is_for_exists(db: None):
    """A renamed permission would silently read as Django's words."""
    assert len(permissions(*role_sentences.KNOWN)) == len(set(role_sentences.KNOWN))


def test_a_role_reads_as_sentences_and_names_its_people(boss: Client, roles: None):
    logged_in("edith", "editor")
    role = Group.objects.get(name="editor")
    listed = boss.get("/admin/auth/group/").content.decode()
    page = boss.get(f"/admin/auth/group/{role.pk}/change/").content.decode()
    for text in ("May see movies, the history", "May also add movies, change or hide movies", ">edith</a>"):
        assert text in listed
        assert text in page
    assert "add movies (movies.add_movie)" in page
    assert "Can add movie" not in page


def test_a_role_keeps_permissions_that_no_page_asks_for(boss: Client):
    role = Group.objects.create(name="clerk")
    session, movie = permissions("sessions.view_session", "movies.view_movie")
    role.permissions.set([session])
    page = f"/admin/auth/group/{role.pk}/change/"
    offered = boss.get(page).context["adminform"].form.fields["permissions"].queryset
    names = [role_sentences.full_name(permission) for permission in offered]
    assert names == [*role_sentences.KNOWN, "sessions.view_session"]
    boss.post(page, {"name": "clerk", "permissions": [str(session.pk), str(movie.pk)]})
    assert set(role.permissions.all()) == {session, movie}
    made = boss.post("/admin/auth/group/add/", {"name": "new", "permissions": [str(movie.pk)]})
    assert made.status_code == 302
    assert set(Group.objects.get(name="new").permissions.all()) == {movie}


def test_the_pages_of_access_take_few_statements(boss: Client, roles: None):
    """However many people, roles and keys there are."""
    for number in range(30):
        logged_in(f"editor {number}", "editor", "viewer")
        Group.objects.create(name=f"role {number}").permissions.set(permissions("movies.view_movie"))
        key, _ = create_key(name=f"key {number}", role="service")
    rolled, _ = roll_key(key, keep=ENDS["24h"])
    ada, editor = User.objects.latest("pk"), Group.objects.get(name="editor")
    for page in (
        "tetraflix/apikey/",
        f"tetraflix/apikey/{rolled.pk}/change/",
        f"tetraflix/apikey/{rolled.pk}/roll/",
        "auth/user/",
        "auth/user/add/",
        f"auth/user/{ada.pk}/change/",
        "auth/group/",
        f"auth/group/{editor.pk}/change/",
        f"auth/group/{editor.pk}/delete/",
    ):
        with CaptureQueriesContext(connection) as sent:
            assert boss.get(f"/admin/{page}").status_code == 200
        assert len(sent) <= 10, "\n".join([page, *(one["sql"][:150] for one in sent)])


def test_deleting_a_role_asks_and_names_who_loses_it(boss: Client, roles: None):
    logged_in("edith", "editor")
    page = f"/admin/auth/group/{Group.objects.get(name='editor').pk}/delete/"
    asked = boss.post(page, {"post": "yes"}).content.decode()
    for text in ("Delete the role editor?", "These people lose it:", "<li>edith</li>"):
        assert text in asked
    assert Group.objects.filter(name="editor").exists()
    assert says(boss.post(page, {"sure": "yes"}, follow=True)) == ["The role editor is deleted."]
    assert not Group.objects.filter(name="editor").exists()
    assert User.objects.filter(username="edith").exists()


def test_the_login_page_redirects_to_the_dashboard(db: None):
    User.objects.create_user("ada", password=PASSWORD, is_staff=True)
    response: Any = Client().post("/admin/login/", {"username": "ada", "password": PASSWORD})
    assert (response.status_code, response.url) == (302, "/admin/")


def test_no_list_of_the_admin_has_facets():
    """Counting each value of each filter would take minutes, and any viewer could start it."""
    for model, model_admin in admin.site._registry.items():
        assert isinstance(model_admin, StaffAdmin), model
        assert model_admin.show_facets is ShowFacets.NEVER, model


def test_permissions_of_a_person_and_of_roles_are_read_in_one_statement(roles: None):
    person = User.objects.create_user("ana", is_staff=True)
    person.groups.add(Group.objects.get(name="operator"))
    person.user_permissions.set(permissions("movies.add_movie", "movies.view_movie"))
    for_django = ModelBackend().get_all_permissions(User.objects.get(pk=person.pk))
    with sent_statements() as sent:
        again = User.objects.get(pk=person.pk)
        assert again.get_all_permissions() == for_django
        assert again.has_perm("movies.add_movie")
        assert not again.has_perm("movies.add_movie", movie("Kahaani"))
    assert len([sql for sql in sent if "auth_permission" in sql]) == 1
    again.is_active = False
    assert User.objects.get(pk=person.pk).has_module_perms("sessions_ingest")
    assert not again.has_perm("movies.add_movie")
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert User.objects.get(pk=person.pk).get_all_permissions() == set()
