"""No address and no form causes a server error in the admin, whatever people, scripts and scanners send."""

import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from movies.bulk import jobs
from movies.foundation.numbers import whole_number
from movies.models import Job, Movie
from recommendations import stores
from recommendations.experiments import lifecycle
from recommendations.experiments.plan import Plan
from recommendations.models import Experiment
from recommendations.user_lists import UserLists
from sessions_ingest.models import DeadLetterAct
from tests.movies.factories import movie, profile
from tests.regressions.admin.addresses import (
    ODD_TEXTS,
    PARAMETERS,
    Ids,
    every_address,
    odd_address,
    queries,
    texts,
)
from tests.servers.queues import Queues
from tetraflix.access.api_keys import create_key
from tetraflix.models import ApiKey

# Statements that PostgreSQL refuses would end a test's own transaction, which requests do not have.
pytestmark = pytest.mark.django_db(transaction=True)

MOVIES = "/admin/movies/movie/"
LISTS = [MOVIES, "/admin/tetraflix/apikey/", "/admin/auth/user/", "/admin/auth/group/"]
ROLES = ["viewer", "editor", "boss"]


@pytest.fixture
def ids(roles: None, queues: Queues, plain_static_files: None) -> Ids:
    """A row of each kind; returns the values of the arguments of addresses."""
    for number in range(1, 6):
        movie(f"Movie {number}", movie_id=number, hidden=number > 3)
    job = jobs.start_bulk(kind="hide", actor="staff:x", which=[1])
    stores.current().write([(7, UserLists())])
    key, _ = create_key(name="Studio", role="service")
    user = User.objects.create_user("somebody", is_staff=True)
    act = DeadLetterAct.objects.create(
        act="redrive", actor="staff:x", queue="sessionData", body="{}", sent_at=timezone.now()
    )
    experiment = lifecycle.create("first", Plan("a seed"), actor="staff:x")
    return {
        "movies/movie/object_id": "1",
        "recommendations/experiment/object_id": str(experiment.pk),
        "recommendations/experiment/decision": "start",
        "file": "users.csv",
        "tetraflix/apikey/object_id": str(key.pk),
        "auth/user/object_id": str(user.pk),
        "auth/user/id": str(user.pk),
        "auth/group/object_id": str(Group.objects.earliest("pk").pk),
        "sessions_ingest/deadletteract/object_id": str(act.pk),
        "job_id": str(job.pk),
        "batch_id": str(job.pk),
        "user": "7",
        "movie": "1",
        "decision": "take-off",
        "form": "csv",
        "app_label": "movies",
        "url": "nothing/here",
    }


def kept() -> dict[str, Any]:
    """The state that no GET may change."""
    return {
        "movies": list(Movie.objects.order_by("id").values_list("id", "title", "hidden", "version")),
        "keys": list(ApiKey.objects.order_by("id").values_list("id", "name", "revoked_at")),
        "staff": list(User.objects.order_by("id").values_list("id", "username", "is_staff", "password")),
        "roles": [(group.name, group.permissions.count()) for group in Group.objects.order_by("id")],
        "jobs": Job.objects.count(),
        "experiments": list(Experiment.objects.order_by("id").values_list("name", "started_at", "ended_at")),
        "lists": stores.current().read(7),
    }


def test_every_kind_of_page_is_covered(ids: Ids):
    addresses = every_address(ids)
    for address in (
        *LISTS,
        f"{MOVIES}1/change/",
        f"{MOVIES}1/history/",
        f"{MOVIES}export/csv",
        f"/admin/movies/job/{ids['job_id']}/progress.json",
        f"/admin/movies/moviechange/batch/{ids['batch_id']}/",
        "/admin/recommendations/userlists/7/1/take-off/",
        f"/admin/recommendations/experiment/{ids['recommendations/experiment/object_id']}/change/",
        f"/admin/auth/user/{ids['auth/user/id']}/password/",
        f"/admin/tetraflix/apikey/{ids['tetraflix/apikey/object_id']}/roll/",
        "/admin/autocomplete/",
        "/admin/search/",
        "/admin/nothing/here",
    ):
        assert address in addresses
    assert len(addresses) > 45


@pytest.mark.parametrize("who", ROLES)
def test_no_address_fails_and_no_get_changes_anything(request: pytest.FixtureRequest, ids: Ids, who: str):
    """Every address of the admin, with any values of any parameters."""
    client: Client = request.getfixturevalue(who)
    addresses = [address for address in every_address(ids) if "logout" not in address]
    before = kept()

    @settings(max_examples=150)
    @given(st.sampled_from(addresses), queries, st.none() | texts)
    @example(MOVIES, [("o", "²")], None)
    @example("/admin/movies/moviechange/", [("before", "²")], None)
    @example(f"{MOVIES}1/history/", [], "²")
    @example(MOVIES, [("at", "NQ==")], None)
    @example(MOVIES, [("o", "2"), ("at", "eyJ2IjoiYVx1MDAwMCIsImkiOjEsImIiOmZhbHNlfQ")], None)
    @example(MOVIES, [("_facets", "True"), ("e", "1"), ("at", "x")], None)
    @example("/admin/search/", [("s", "a"), ("page", "²")], None)
    @example("/admin/auth/user/", [("username__regex", "(")], None)
    def look(address: str, query: list[tuple[str, str]], odd: str | None) -> None:
        path = address if odd is None else odd_address(address, ids, odd)
        response = client.get(f"{path}?{urlencode(query)}")
        assert response.status_code < 500

    look()
    for address in addresses:
        assert client.get(address).status_code < 500, address
    assert kept() == before


def test_no_parameter_makes_a_list_fail(boss: Client, ids: Ids):
    """Each parameter alone, for each list, with each odd value."""
    for address in LISTS:
        for parameter in PARAMETERS:
            for value in ("²", "a\0b", "("):
                assert boss.get(address, {parameter: value}).status_code < 500, (address, parameter, value)


@pytest.mark.parametrize("who", ROLES)
def test_no_form_makes_a_page_fail(request: pytest.FixtureRequest, ids: Ids, who: str):
    """Anything posted to any address; a viewer changes nothing."""
    client: Client = request.getfixturevalue(who)
    elsewhere = {"/admin/logout/", "/admin/password_change/", "/admin/login/"}
    addresses = [address for address in every_address(ids) if address not in elsewhere]
    before = kept()
    names = [
        *PARAMETERS,
        "action",
        "index",
        "select_across",
        "_selected_action",
        "seen",
        "queue",
        "act",
        "file",
    ]

    @settings(max_examples=150)
    @given(
        st.sampled_from(addresses),
        st.dictionaries(st.sampled_from(names), texts, max_size=6),
        st.none() | texts,
    )
    def post(address: str, form: dict[str, str], odd: str | None) -> None:
        path = address if odd is None else odd_address(address, ids, odd)
        assert client.post(path, form).status_code < 500

    post()
    if who == "viewer":
        assert kept() | {"jobs": 0} == before | {"jobs": 0}  # an export is a job that a viewer may start


selected = st.lists(st.sampled_from(["1", "2", "3", "4", "5", "99", "007"]) | texts, max_size=4)
indexes = st.sampled_from(["0", "1", "-1", "5", "", "²", "1_0", "9" * 5000])
across = st.sampled_from(["0", "", "1", "2", "on", "true", " 1", "²", "1\0"]) | texts


@pytest.mark.parametrize("who", ROLES)
def test_an_action_changes_ticked_rows_or_everything_and_nothing_else(
    request: pytest.FixtureRequest, ids: Ids, who: str
):
    """Any action form, as any role, on any list of movies."""
    client: Client = request.getfixturevalue(who)

    @settings(max_examples=150)
    @given(
        st.sampled_from(["", "?state=hidden", "?genre=drama", "?q=movie 4", "?e=1", "?state=x", "?at=NQ=="]),
        st.lists(
            st.sampled_from(["hide", "show", "delete", "", "delete_selected", "save_model"]), max_size=2
        ),
        indexes,
        across,
        selected,
        st.dictionaries(st.sampled_from(["sure", "post", "_save"]), texts, max_size=2),
    )
    @example("", ["hide"], "0", "0", ["+5"], {})
    @example("?state=hidden", ["delete"], "0", "0", ["+5"], {"sure": "yes"})
    @example("", ["show"], "0", "0", ["5.0"], {})
    @example("?state=hidden", ["show"], "0", "1", ["0"], {})
    def act(
        query: str, actions: list[str], index: str, across: str, chosen: list[str], more: dict[str, str]
    ) -> None:
        _five_movies()
        before = _versions()
        form = {"action": actions, "index": index, "select_across": across, "_selected_action": chosen} | more
        response = client.post(MOVIES + query, form)
        assert response.status_code < 500
        after = _versions()
        changed = {number for number in before if after.get(number) != before[number]}
        numbers = [whole_number(text) for text in chosen]
        if who == "viewer":
            assert not changed
        elif across != "1":
            assert changed <= set(numbers)
            assert None not in numbers or not changed

    act()


@pytest.mark.parametrize(
    ("path", "action", "status"),
    [
        ("tetraflix/apikey", "revoke", 302),
        # without actions
        ("auth/user", "delete_selected", 200),
        ("auth/group", "delete_selected", 200),
    ],
)
def test_actions_of_other_lists_change_ticked_rows_too(
    boss: Client, ids: Ids, path: str, action: str, status: int
):
    """The same rule holds for every list."""
    before = kept()
    for across in ("0", "", "2", "on", "true"):
        for chosen in (
            [],
            ["+5"],
            ["²", ids[f"{path}/object_id"]],
            ["5.0"],
            ["9" * 30],
            [""],
            ["0"],
            ["99999"],
        ):
            form = {"action": action, "index": "0", "select_across": across, "_selected_action": chosen}
            response = boss.post(f"/admin/{path}/", form | {"post": "yes", "sure": "yes"})
            assert response.status_code == status, (across, chosen)
    assert kept() == before


def test_an_unknown_job_or_decision_is_not_found(boss: Client, ids: Ids):
    file = b'{"title": "Kahaani", "profile": [100,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}\n'
    ready = jobs.start_import(actor="staff:x", file_name="m.jsonl", chunks=[file])
    for path in (f"{ready.pk}/else/", f"{uuid.uuid4()}/", "5/", f"{uuid.uuid4()}/download"):
        assert boss.post(f"/admin/movies/job/{path}").status_code == 404
    assert Job.objects.get(pk=ready.pk).state == "ready"


def _five_movies() -> None:
    there = set(Movie.objects.values_list("id", flat=True))
    Movie.objects.bulk_create(
        Movie(id=number, title=f"Movie {number}", hidden=number > 3, profile=profile(drama=100))
        for number in range(1, 6)
        if number not in there
    )


def _versions() -> dict[int, int]:
    return dict(Movie.objects.values_list("id", "version"))


def test_the_odd_texts_are_odd():
    assert sum(whole_number(text) is None for text in ODD_TEXTS) > 40
