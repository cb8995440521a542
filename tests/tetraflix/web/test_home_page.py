"""The home page: whom and what it offers as examples. What it does in a browser is in tests/browser."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from movies.viewing.popularity import refresh
from recommendations import stores
from recommendations.recommender import changed_users
from recommendations.user_lists import Entry, Finish, UserLists
from tests.movies.factories import movie
from tests.statements import sent_statements

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_the_page_is_served_while_the_store_is_unavailable(
    db, plain_static_files: None, monkeypatch: pytest.MonkeyPatch, client
):
    stores.current().write([(7, UserLists())])
    assert b'data-user="7"' in client.get("/").content

    def unavailable(*args: object) -> None:
        raise stores.base.StoreUnavailable("unavailable")

    monkeypatch.setattr(type(stores.current()), "scan", unavailable)
    answer = client.get("/")
    assert (answer.status_code, b'data-user="7"' in answer.content) == (200, False)


def offered(client: Client) -> list[str]:
    """The example users, without the new one, which is the last."""
    users: list[str] = re.findall(r'data-user="(\d+)"', client.get("/").content.decode())
    return users[:-1]


def test_users_who_just_finished_a_movie_are_offered_first(db, plain_static_files: None, client):
    stores.current().write((user, UserLists()) for user in (3, 5, 7, 9))
    assert offered(client) == ["3", "5", "7", "9"]
    changed_users.mark([7])
    changed_users.mark([1000])
    assert offered(client) == ["1000", "7", "3", "5", "9"]
    assert 'value="1000"' in client.get("/").content.decode()


def test_users_with_something_in_each_row_are_offered_first(db, plain_static_files: None, client):
    finished, watching = (Finish(1, NOON, reported_at=NOON),), (Entry(2, 0.5, NOON),)
    stores.current().write(
        [
            (1, UserLists(recommended=(3,))),
            (2, UserLists(recommended=(3,), watching=watching)),
            (3, UserLists(recommended=(3,), watching=watching, finished=finished)),
            (2 * 10**17, UserLists(recommended=(3,), watching=watching, finished=finished)),
        ]
    )
    changed_users.mark([2 * 10**17])
    assert offered(client) == ["3", str(2 * 10**17), "2", "1"]


def test_the_example_is_a_title_that_is_found_though_it_is_misspelt(db, plain_static_files: None, client):
    movie("Kahaani", movie_id=1)
    movie("The Last Garden", movie_id=2)
    movie("Another Title", movie_id=3)
    refresh()
    html = client.get("/").content.decode()
    assert 'placeholder="the last gadren"' in html
    assert 'data-q="the last gadren"' in html
    found = client.get("/tetraflix/movies", {"q": "the last gadren"}).json()["movies"]
    assert found[0]["title"] == "The Last Garden"


def test_the_page_has_no_example_without_movies(db, plain_static_files: None, client):
    html = client.get("/").content.decode()
    assert 'placeholder="A title"' in html
    assert "data-q" not in html


def test_few_statements_make_the_page(db, plain_static_files: None, client):
    stores.current().write((user, UserLists()) for user in range(1, 100))
    with sent_statements() as sent:
        assert client.get("/").status_code == 200
    assert len(sent) <= 10, sent


def test_the_page_has_no_inline_script_or_style(db, plain_static_files: None, client):
    html = client.get("/").content.decode()
    assert "<style" not in html
    assert " style=" not in html
    assert html.count("<script") == html.count("<script src=") == 4


def test_the_page_is_read_only(db, plain_static_files: None, client):
    assert client.post("/").status_code == 405
