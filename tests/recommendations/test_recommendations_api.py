"""`GET /tetraflix/recommendations/<user>`: what each kind of user is shown, and every error."""

from typing import Any

import psycopg2
import pytest
from django.db import connection
from django.test import Client

from movies.foundation.numbers import MAX_BIGINT
from movies.models import Movie, ViewCount
from movies.viewing import popularity
from recommendations import services
from tests.activity import recorded_activity
from tests.movies.factories import movie, wire
from tests.recommendations.user_lists import address, give
from tests.statements import sent_statements

pytestmark = pytest.mark.django_db
UNKNOWN_USER = 534356757834


@pytest.fixture
def films() -> list[Movie]:
    return [movie(f"Movie {number}", action=number, drama=100 - number) for number in range(45)]


def test_the_recommenders_order_and_the_most_recently_watched_first(client: Client, films: list[Movie]):
    give(7, [films[3].id, films[1].id, films[2].id], {films[4].id: 0.3, films[5].id: 0.25, films[6].id: 1e-9})
    answer = client.get(address(7))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "recommendations": [wire(films[3]), wire(films[1]), wire(films[2])],
        "currentlyWatching": [wire(films[6], 1e-9), wire(films[5], 0.25), wire(films[4], 0.3)],
    }


def test_a_movie_being_watched_is_not_recommended(client: Client, films: list[Movie]):
    give(7, [films[1].id, films[2].id], {films[1].id: 0.5})
    assert client.get(address(7)).json() == {
        "recommendations": [wire(films[2])],
        "currentlyWatching": [wire(films[1], 0.5)],
    }


def test_a_user_without_any_record_gets_the_most_popular(client: Client, films: list[Movie]):
    for number, one in enumerate(films):
        ViewCount.objects.filter(movie=one).update(views=number)
    popularity.refresh()
    assert client.get(address(UNKNOWN_USER)).json() == {
        "recommendations": [wire(one) for one in films[:24:-1]],
        "currentlyWatching": [],
    }


def test_hidden_deleted_and_edited_movies_are_right_at_the_next_request(client: Client, films: list[Movie]):
    ids = [one.id for one in films]
    give(7, ids[:4], {ids[10]: 0.1, ids[11]: 0.2, ids[12]: 0.3})
    client.get(address(7))
    Movie.objects.filter(id__in=[ids[0], ids[10]]).update(hidden=True)
    Movie.objects.filter(id__in=[ids[1], ids[11]]).delete()
    Movie.objects.filter(id__in=[ids[2], ids[12]]).update(title="Renamed")
    films[2].title = films[12].title = "Renamed"
    assert client.get(address(7)).json() == {
        "recommendations": [wire(films[2]), wire(films[3])],
        "currentlyWatching": [wire(films[12], 0.3)],
    }
    Movie.objects.filter(id__in=[ids[0], ids[10]]).update(hidden=False)
    assert client.get(address(7)).json() == {
        "recommendations": [wire(films[0]), wire(films[2]), wire(films[3])],
        "currentlyWatching": [wire(films[12], 0.3), wire(films[10], 0.1)],
    }


def test_nothing_left_to_show_is_two_empty_lists(client: Client, films: list[Movie]):
    give(7, [films[0].id], {films[1].id: 0.5})
    Movie.objects.update(hidden=True)
    assert client.get(address(7)).json() == {"recommendations": [], "currentlyWatching": []}


@pytest.mark.parametrize("user_id", ["0", "-1", "abc", "1.5", "٣", "%20", str(MAX_BIGINT + 1), "9" * 40])
def test_not_a_user_id_is_a_json_404(client: Client, user_id: str):
    answer = client.get(address(user_id))
    assert answer.status_code == 404
    assert answer.json() == {"detail": "A user is a whole number from 1 to 9223372036854775807."}


@pytest.mark.parametrize("user_id", [1, UNKNOWN_USER, MAX_BIGINT])
def test_any_user_id_is_a_user(client: Client, user_id: int):
    assert client.get(address(user_id)).json() == {"recommendations": [], "currentlyWatching": []}


def test_taken_off_and_brought_back(client: Client, films: list[Movie]):
    give(7, [films[0].id], {films[0].id: 0.5})
    services.take_off(user_id=7, movie_id=films[0].id)
    assert client.get(address(7)).json() == {"recommendations": [wire(films[0])], "currentlyWatching": []}
    services.bring_back(user_id=7, movie_id=films[0].id)
    assert client.get(address(7)).json() == {
        "recommendations": [wire(one) for one in films[1:21]],
        "currentlyWatching": [wire(films[0], 0.5)],
    }


@pytest.mark.parametrize(("recommended", "begun"), [(1, 0), (20, 20)])
def test_one_statement_and_two_after_a_change_whatever_the_number(
    client: Client, films: list[Movie], recommended: int, begun: int
):
    ids = [one.id for one in films]
    give(7, ids[:recommended], dict.fromkeys(ids[20 : 20 + begun], 0.5))
    client.get(address(7))
    with sent_statements() as sent:
        client.get(address(7))
    assert len(sent) == 1, sent
    Movie.objects.update(title="Renamed")
    with sent_statements() as sent:
        client.get(address(7))
    assert len(sent) == 2, sent


def test_a_cold_start_takes_two_statements_even_after_a_change(client: Client, films: list[Movie]):
    Movie.objects.bulk_create(Movie(title="Full", profile=films[0].profile) for _ in range(200))
    popularity.refresh()
    client.get(address(UNKNOWN_USER))
    Movie.objects.update(title="Renamed")
    for _ in range(2):
        with sent_statements() as sent:
            client.get(address(UNKNOWN_USER))
        assert len(sent) == 2, sent


def test_a_read_is_published_as_activity(client: Client, films: list[Movie]):
    give(7, [films[0].id], {films[1].id: 0.5})
    with recorded_activity() as activities:
        client.get(address(7))
    assert [activity[:3] for activity in activities] == [("user-data", 7, 2)]


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_fails_no_request(client: Client):
    give(7, [movie().id])
    served = client.get(address(7)).json()
    other = psycopg2.connect(**{**connection.get_connection_params(), "cursor_factory": None})
    other.autocommit = True
    other.cursor().execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    other.close()
    assert client.get(address(7)).json() == served


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["recommendations/7", "genre/drama", "movies/1"])
def test_an_unavailable_database_is_a_503_with_retry_after(client: Client, path: str, monkeypatch):
    def unavailable(*args: Any, **kwargs: Any) -> Any:
        raise psycopg2.OperationalError("connection refused")

    connection.close()
    with monkeypatch.context() as patched:
        patched.setattr("django.db.backends.postgresql.base.Database.connect", unavailable)
        answer = client.get(f"/tetraflix/{path}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert set(answer.json()) == {"detail"}
    assert client.get(f"/tetraflix/{path}").status_code in (200, 404)
