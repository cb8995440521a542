"""`GET /tetraflix/movies`: every order, paged and filtered, and errors that name every wrong parameter."""

from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from movies.models import Movie, ViewCount
from movies.search import keyset_pagination
from movies.search.keyset_pagination import ORDERINGS
from tests.api.calling import Caller
from tests.movies.factories import movie

pytestmark = pytest.mark.django_db
MOVIES = "/tetraflix/movies"
TITLES = ["Zulu", "alien", "Éclair", "Alien", "!!!", "Brazil", "alien 3", "M", "eclipse"]
PLAIN = ["zulu", "alien", "eclair", "alien", "!!!", "brazil", "alien 3", "m", "eclipse"]


@pytest.fixture
def inventory() -> list[int]:
    """Nine movies, every third a western, some equal in title or views; and one that is hidden."""
    ids = []
    for i, title in enumerate(TITLES):
        western = 1 if i % 3 == 0 else 0
        ids.append(movie(title, western=western, drama=100 - western).id)
        ViewCount.objects.filter(movie_id=ids[-1]).update(views=[5, 0, 9, 5, 5, 0, 7, 7, 1][i])
    movie("Hidden", hidden=True, western=100)
    return ids


def walked(anybody: Caller, path: str) -> list[list[int]]:
    """The ids of every page from this address on. Asserts that the links back lead through the same pages."""
    found, page = [], anybody("GET", path).json()
    assert page["previous"] is None
    while True:
        found.append([movie["id"] for movie in page["movies"]])
        if page["next"] is None:
            break
        page = anybody("GET", page["next"]).json()
    back = [found[-1]]
    while page["previous"] is not None:
        page = anybody("GET", page["previous"]).json()
        back.append([movie["id"] for movie in page["movies"]])
    assert back == found[::-1]
    return found


def expected(ids: list[int], ordering: str) -> list[int]:
    views = dict(ViewCount.objects.values_list("movie_id", "views"))
    plain = dict(zip(ids, PLAIN, strict=True))
    stamps = {row.id: row for row in Movie.objects.all()}
    keys: dict[str, Any] = {
        "id": lambda i: i,
        "title": lambda i: (plain[i], i),
        "created": lambda i: (stamps[i].created, i),
        "updated": lambda i: (stamps[i].updated, i),
        "popularity": lambda i: (views[i], -i),
    }
    return sorted(ids, key=keys[ordering.removeprefix("-")], reverse=ordering.startswith("-"))


@pytest.mark.parametrize("genre", ["", "western"])
@pytest.mark.parametrize("ordering", ORDERINGS)
def test_pages_follow_each_other_without_gap_or_repeat_in_every_order(
    anybody: Caller, inventory: list[int], ordering: str, genre: str
):
    wanted = expected(inventory, ordering)
    if genre:
        wanted = [movie_id for movie_id in wanted if inventory.index(movie_id) % 3 == 0]
    pages = walked(anybody, f"{MOVIES}?ordering={ordering}&genre={genre}&limit=2")
    assert pages == [wanted[start : start + 2] for start in range(0, len(wanted), 2)]


@pytest.mark.parametrize(("walk", "order_at_once"), [(1, 100), (1, 1)])
def test_a_genre_is_paged_the_same_whether_it_is_rare_or_far_apart(
    anybody: Caller, inventory: list[int], monkeypatch, walk: int, order_at_once: int
):
    monkeypatch.setattr(keyset_pagination, "MAX_SCANNED", walk)
    monkeypatch.setattr(keyset_pagination, "MAX_SORTED", order_at_once)
    for ordering in ORDERINGS:
        wanted = [i for i in expected(inventory, ordering) if inventory.index(i) % 3 == 0]
        found = walked(anybody, f"{MOVIES}?ordering={ordering}&genre=western&limit=2")
        assert list(chain(*found)) == wanted


def test_a_listed_movie_equals_the_movie_read_alone(anybody: Caller, inventory: list[int]):
    listed = anybody("GET", f"{MOVIES}?limit=1").json()
    assert listed["movies"] == [anybody("GET", f"{MOVIES}/{inventory[0]}").json()]


def test_a_page_has_20_movies_by_default_and_100_at_most(anybody: Caller):
    for number in range(105):
        movie(f"Movie {number}")
    assert len(anybody("GET", MOVIES).json()["movies"]) == 20
    assert len(anybody("GET", f"{MOVIES}?limit=100").json()["movies"]) == 100


def test_an_empty_inventory_is_an_empty_page(anybody: Caller):
    assert anybody("GET", MOVIES).json() == {"movies": [], "next": None, "previous": None}


def test_head_answers_as_get_without_a_body(anybody: Caller):
    answer = anybody("HEAD", MOVIES)
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"", "application/json")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("genre=polka", "genre"),
        ("ordering=size", "ordering"),
        ("cursor=x", "cursor"),
        ("cursor=e30", "cursor"),
        ("cursor=bnVsbA", "cursor"),
        ("q=a&cursor=x", "cursor"),
        ("gener=drama", "gener"),
    ],
)
def test_a_wrong_parameter_is_400_and_named(anybody: Caller, query: str, field: str):
    answer = anybody("GET", f"{MOVIES}?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_a_cursor_of_another_order_is_400(anybody: Caller, inventory: list[int]):
    cursor = urlsplit(anybody("GET", f"{MOVIES}?ordering=title&limit=1").json()["next"]).query
    answer = anybody("GET", f"{MOVIES}?{cursor.replace('ordering=title', 'ordering=created')}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60
)
@given(
    query=st.dictionaries(
        st.sampled_from(["q", "genre", "ordering", "limit", "cursor"]),
        st.text(max_size=30) | st.sampled_from(["drama", "-title", "5", "eyJvIjo1fQ"]),
    )
)
def test_no_query_is_a_server_error(anybody: Caller, query: dict[str, str]):
    answer = anybody.client.get(MOVIES, query)
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize(
    ("query", "most"), [("", 1), ("?ordering=-popularity", 1), ("?genre=western", 3), ("?q=alien", 7)]
)
def test_a_page_takes_a_few_statements_however_many_movies_it_has(
    anybody: Caller, inventory: list[int], query: str, most: int
):
    with CaptureQueriesContext(connection) as statements:
        assert anybody("GET", MOVIES + query).status_code == 200
    assert len(statements) <= most, [statement["sql"] for statement in statements]
