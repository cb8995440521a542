"""`GET /tetraflix/genre/<genre>` and `GET /tetraflix/movies/<id>`, with every error."""

import pytest
from django.db.models import F
from django.test import Client

from movies.genres import GENRES
from movies.models import Movie, PopularList, ViewCount
from movies.viewing import popularity
from tests.activity import recorded_activity
from tests.movies.factories import movie, profile, wire
from tests.statements import sent_statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def dramas() -> list[Movie]:
    """Two movies more than the popular list of drama holds, most popular first."""
    weights = profile(drama=100)
    Movie.objects.bulk_create(Movie(title=f"Drama {number}", profile=weights) for number in range(202))
    made = list(Movie.objects.order_by("id"))
    ViewCount.objects.update(views=10_000 - F("movie_id") + made[0].id)
    popularity.refresh()
    return made


def test_most_popular_first_20_by_default(client: Client, dramas: list[Movie]):
    answer = client.get("/tetraflix/genre/drama")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {"genre": [wire(one) for one in dramas[:20]]}


@pytest.mark.parametrize(("limit", "number"), [(1, 1), (25, 25), (100, 100)])
def test_a_limit_up_to_100(client: Client, dramas: list[Movie], limit: int, number: int):
    assert client.get(f"/tetraflix/genre/drama?limit={limit}").json() == {
        "genre": [wire(one) for one in dramas[:number]]
    }


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "٣", "9" * 30])
def test_a_bad_limit_is_refused_by_name(client: Client, limit: str):
    answer = client.get("/tetraflix/genre/drama", {"limit": limit})
    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "limit: A whole number from 1 to 100.",
        "errors": {"limit": ["A whole number from 1 to 100."]},
    }


@pytest.mark.parametrize("genre", ["noir", "Drama", "overall"])
def test_an_unknown_genre_is_404_that_lists_the_15(client: Client, genre: str):
    answer = client.get(f"/tetraflix/genre/{genre}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Unknown genre. The 15 are: {', '.join(GENRES)}."}


@pytest.mark.parametrize("genre", GENRES)
def test_a_genre_without_movies_is_empty(client: Client, genre: str):
    assert client.get(f"/tetraflix/genre/{genre}").json() == {"genre": []}


def test_hidden_deleted_and_edited_movies_are_right_at_the_next_request(client: Client, dramas: list[Movie]):
    client.get("/tetraflix/genre/drama")
    Movie.objects.filter(id=dramas[0].id).update(hidden=True)
    Movie.objects.filter(id=dramas[1].id).delete()
    Movie.objects.filter(id=dramas[2].id).update(title="Renamed")
    dramas[2].title = "Renamed"
    assert client.get("/tetraflix/genre/drama").json() == {"genre": [wire(one) for one in dramas[2:22]]}
    Movie.objects.filter(id=dramas[0].id).update(hidden=False)
    assert client.get("/tetraflix/genre/drama?limit=1").json() == {"genre": [wire(dramas[0])]}


def test_new_popularity_shows_at_the_next_request(client: Client, dramas: list[Movie]):
    client.get("/tetraflix/genre/drama")
    ViewCount.objects.filter(movie=dramas[-1]).update(views=100_000)
    popularity.refresh()
    assert client.get("/tetraflix/genre/drama?limit=2").json() == {
        "genre": [wire(dramas[-1]), wire(dramas[0])]
    }


def test_lists_written_without_a_refresh_show_at_the_next_request_too(client: Client, dramas: list[Movie]):
    client.get("/tetraflix/genre/drama")
    PopularList.objects.filter(genre="drama").update(movie_ids=[one.id for one in dramas[::-1]])
    assert client.get("/tetraflix/genre/drama").json() == {"genre": [wire(one) for one in dramas[:-21:-1]]}


def test_one_statement_and_two_after_a_change(client: Client, dramas: list[Movie]):
    client.get("/tetraflix/genre/drama")
    with sent_statements() as sent:
        client.get("/tetraflix/genre/drama?limit=100")
    assert len(sent) == 1, sent
    Movie.objects.filter(id=dramas[0].id).update(hidden=True)
    with sent_statements() as sent:
        client.get("/tetraflix/genre/drama?limit=100")
    assert len(sent) == 2, sent


def test_a_read_is_sent_to_activity_subscribers(client: Client, dramas: list[Movie]):
    with recorded_activity() as activities:
        client.get("/tetraflix/genre/drama")
    assert [activity[:3] for activity in activities] == [("genre-data", "drama", 20)]


def test_one_movie(client: Client):
    one = movie("Kahaani", action=40, drama=60)
    with sent_statements() as sent:
        answer = client.get(f"/tetraflix/movies/{one.id}")
    assert (answer.status_code, answer.json()) == (200, wire(one))
    assert len(sent) <= 2, sent


@pytest.mark.parametrize("movie_id", ["0", "-1", "abc", "999999", str(2**63), "1.0", "٣"])
def test_an_unknown_movie_is_404(client: Client, movie_id: str):
    answer = client.get(f"/tetraflix/movies/{movie_id}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such movie."})


def test_a_hidden_movie_is_404(client: Client):
    one = movie(hidden=True)
    assert client.get(f"/tetraflix/movies/{one.id}").status_code == 404


@pytest.mark.parametrize("address", ["/tetraflix/genre/drama", "/tetraflix/recommendations/1"])
def test_another_method_is_not_allowed(client: Client, address: str):
    for send in (client.post, client.put, client.patch, client.delete):
        answer = send(address)
        assert answer.status_code == 405
        assert answer.json() == {"detail": f'Method "{answer.wsgi_request.method}" not allowed.'}


def test_head_has_the_same_headers(client: Client, dramas: list[Movie]):
    got, head = client.get("/tetraflix/genre/drama"), client.head("/tetraflix/genre/drama")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


@pytest.mark.parametrize(
    "address", ["/tetraflix/", "/tetraflix/nothing", "/tetraflix/genre/drama/", "/tetraflix/genre"]
)
def test_an_unknown_address_is_a_json_404(client: Client, address: str):
    answer = client.get(address)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert set(answer.json()) == {"detail"}
