"""`GET /tetraflix/recommendations/<user>`: what each kind of user is shown, and every error."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg2
import pytest
from django.db import connection
from django.test import Client

from movies.foundation.numbers import MAX_BIGINT
from movies.models import Movie, ViewCount
from movies.viewing import popularity
from recommendations import services, stores
from recommendations.lists import Event, recommend, watched
from tests.activity import recorded_activity
from tests.movies.factories import movie, wire
from tests.statements import sent_statements

pytestmark = pytest.mark.django_db
AT = datetime(2017, 9, 8, 12, 50, tzinfo=UTC)
NOBODY = 534356757834


def address(user_id: object) -> str:
    return f"/tetraflix/recommendations/{user_id}"


def give(user_id: int, recommended: list[int], watching: dict[int, float] | None = None) -> None:
    """The user gets a list, and has begun movies, the last of them latest."""
    begun = [
        Event(movie_id, progress, AT + timedelta(minutes=number), finished=False, reported_at=AT)
        for number, (movie_id, progress) in enumerate((watching or {}).items())
    ]
    known = set(recommended)
    stores.current().update({user_id: partial(recommend, movie_ids=recommended, at=AT, known=known)})
    stores.current().update({user_id: partial(watched, events=begun)})


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


def test_a_user_nobody_has_heard_of_gets_the_most_popular(client: Client, films: list[Movie]):
    for number, one in enumerate(films):
        ViewCount.objects.filter(movie=one).update(views=number)
    popularity.refresh()
    assert client.get(address(NOBODY)).json() == {
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


@pytest.mark.parametrize("user_id", [1, NOBODY, MAX_BIGINT])
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
    client.get(address(NOBODY))
    Movie.objects.update(title="Renamed")
    for _ in range(2):
        with sent_statements() as sent:
            client.get(address(NOBODY))
        assert len(sent) == 2, sent


def test_whoever_listens_learns_of_it(client: Client, films: list[Movie]):
    give(7, [films[0].id], {films[1].id: 0.5})
    with recorded_activity() as heard:
        client.get(address(7))
    assert [said[:3] for said in heard] == [("user-data", 7, 2)]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_cut_costs_no_request(client: Client):
    give(7, [movie().id])
    served = client.get(address(7)).json()
    other = psycopg2.connect(**{**connection.get_connection_params(), "cursor_factory": None})
    other.autocommit = True
    other.cursor().execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    other.close()
    assert client.get(address(7)).json() == served


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["recommendations/7", "genre/drama", "movies/1"])
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(client: Client, path: str, monkeypatch):
    def away(*args: Any, **kwargs: Any) -> Any:
        raise psycopg2.OperationalError("connection refused")

    connection.close()
    with monkeypatch.context() as patched:
        patched.setattr("django.db.backends.postgresql.base.Database.connect", away)
        answer = client.get(f"/tetraflix/{path}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert set(answer.json()) == {"detail"}
    assert client.get(f"/tetraflix/{path}").status_code in (200, 404)
