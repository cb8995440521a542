"""Adding, changing and deleting one movie in the admin."""

from typing import Any

import orjson
import pytest
from django.db import connection
from django.db.models import F
from django.forms import ModelForm
from django.test import Client
from django.test.utils import CaptureQueriesContext

from movies.admin.forms import MovieForm
from movies.inventory import services
from movies.models import Movie, ViewCount
from movies.viewing import popularity
from tests.admin.forms import movie_form, says
from tests.movies.factories import change_records, movie, profile

ADD = "/admin/movies/movie/add/"
CHANGE = "/admin/movies/movie/1/change/"


def errors(response) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_a_new_movie_is_stored_with_its_actor(editor: Client):
    typed = {"profile-action": "40", "profile-drama": " 60 ", "profile-western": ""}
    assert editor.post(ADD, movie_form(title="  Kahaani ", **typed)).status_code == 302
    assert list(Movie.objects.values_list("title", "profile", "hidden", "version")) == [
        ("Kahaani", profile(action=40, drama=60), False, 1)
    ]
    assert change_records("action", "actor") == [("added", "staff:edith")]


def test_a_change_is_recorded_once_and_saving_without_one_is_not(editor: Client):
    kahaani = movie("Kahaani", movie_id=1, action=100)
    editor.post(CHANGE, movie_form(kahaani))
    assert change_records("version", "action") == [(1, "added")]
    changed = {"profile-action": 90, "profile-horror": 10, "hidden": "on"}
    editor.post(CHANGE, movie_form(kahaani, **changed))
    assert list(Movie.objects.values_list("profile", "hidden", "version")) == [
        (profile(action=90, horror=10), True, 2)
    ]
    assert change_records("version", "action", "actor") == [(1, "added", ""), (2, "deleted", "staff:edith")]


def test_errors_are_shown_and_nothing_is_saved(editor: Client):
    kahaani = movie("Kahaani", movie_id=1, action=100)

    def wrong(**typed: object) -> dict[str, list[str]]:
        return errors(editor.post(CHANGE, movie_form(kahaani, **typed)))

    assert wrong(**{"profile-action": 99}) == {"profile": ["The weights sum to 99, not 100."]}
    assert wrong(**{"profile-drama": "x", "profile-western": -1}) == {
        "profile": [
            "Drama: A weight is a whole number from 0 to 100.",
            "Western: A weight is a whole number from 0 to 100.",
        ]
    }
    assert wrong(title=" ") == {"title": ["A title is needed."]}
    assert wrong(title="x" * 301) == {"title": ["A title has at most 300 characters; this has 301."]}
    assert list(Movie.objects.values_list("title", "version")) == [("Kahaani", 1)]


def test_the_form_keeps_what_was_typed_beside_the_error(editor: Client):
    kahaani = movie("Kahaani", movie_id=1, action=100)
    page = editor.post(CHANGE, movie_form(kahaani, **{"profile-drama": "many"})).content.decode()
    assert 'name="profile-drama" id="id_profile-drama" value="many"' in page


def test_a_conflict_shows_theirs_beside_mine_and_keeps_both_where_they_do_not_meet(editor: Client):
    """Opened at version 1. They change title and genres, the person title and state."""
    kahaani = movie("Kahaani", movie_id=1, action=100)
    services.change_movie(actor="key:studio", movie_id=1, title="Kahaani 2", profile=profile(horror=100))
    response = editor.post(CHANGE, movie_form(kahaani, title="Kahaani 3", hidden="on"))
    form = response.context["adminform"].form
    assert errors(response)["__all__"][0].startswith("key:studio changed this movie at 20")
    assert [
        (choice.field, choice.opened, choice.theirs, choice.mine) for choice in form.conflict.choices
    ] == [
        ("title", "Kahaani", "Kahaani 2", "Kahaani 3"),
        ("profile", profile(action=100), profile(horror=100), profile(action=100)),
        ("hidden", False, False, True),
    ]
    assert (Movie.objects.get().title, Movie.objects.get().version) == ("Kahaani 2", 2)
    page = response.content.decode()
    for shown in ("Keep mine", "Take theirs", 'aria-label="Horror 100%"', 'name="seen" value="2"'):
        assert shown in page

    editor.post(CHANGE, form.data)
    assert list(Movie.objects.values_list("title", "profile", "hidden", "version")) == [
        ("Kahaani 3", profile(horror=100), True, 3)
    ]


def test_the_same_change_by_two_people_leaves_nothing_to_choose(editor: Client):
    kahaani = movie("Kahaani", movie_id=1)
    services.change_movie(actor="key:studio", movie_id=1, title="Kahaani 2")
    response = editor.post(CHANGE, movie_form(kahaani, title="Kahaani 2"))
    assert response.context["adminform"].form.conflict.choices == []
    assert "Both are the same" in response.content.decode()


def test_a_change_between_validation_and_lock_is_a_conflict_too(
    editor: Client, monkeypatch: pytest.MonkeyPatch
):
    kahaani = movie("Kahaani", movie_id=1)
    services.change_movie(actor="key:studio", movie_id=1, title="Kahaani 2")
    clean = MovieForm.clean

    def too_early(form: MovieForm) -> Any:
        """Validates as if the movie had not been changed yet."""
        monkeypatch.setattr(MovieForm, "clean", clean)
        return ModelForm.clean(form)

    monkeypatch.setattr(MovieForm, "clean", too_early)
    response = editor.post(CHANGE, movie_form(kahaani, title="Kahaani 3"))
    assert response.context["adminform"].form.conflict.actor == "key:studio"
    assert Movie.objects.get().title == "Kahaani 2"


def test_the_page_says_what_is_known_of_the_movie(editor: Client):
    movie("Hidden", movie_id=1, hidden=True, drama=100)
    movie("Kahaani", movie_id=2, thriller=70, drama=30)
    movie("Other", movie_id=3, drama=100)
    ViewCount.objects.update(views=F("movie_id") * 1000)
    popularity.refresh()
    services.change_movie(actor="key:studio", movie_id=2, title="Kahaani 2")
    with CaptureQueriesContext(connection) as sent:
        facts = editor.get("/admin/movies/movie/2/change/").context["facts"]
    assert len(sent) <= 10
    assert (facts.views, facts.movie.version, facts.last_change.change.actor) == (2000, 2, "key:studio")
    assert [(place.name, place.weight, place.popularity, place.place) for place in facts.places] == [
        ("Thriller", 70, 140_000, 1),
        ("Drama", 30, 60_000, 2),
        ("Overall", None, 2000, 2),
    ]
    assert orjson.loads(facts.json) == Client().get("/tetraflix/movies/2").json()
    hidden = editor.get(CHANGE)
    assert [place.place for place in hidden.context["facts"].places] == [None, None]
    assert "404 for clients, because the movie is hidden." in hidden.content.decode()


def test_viewers_see_the_bar_and_words_of_a_movie(viewer: Client):
    movie("Kahaani", movie_id=1, hidden=True, thriller=70, drama=30)
    page = viewer.get(CHANGE).content.decode()
    assert 'aria-label="Thriller 70%, Drama 30%"' in page
    assert '<span class="tf-state tf-hidden">hidden</span> Hidden movies appear in no list.' in page
    assert "0, 0, 0" not in page
    assert "profile-thriller" not in page


def test_the_page_of_a_deleted_movie_names_who_deleted_it_and_restores_it(boss: Client):
    movie("Kahaani", movie_id=1)
    services.delete_movie(actor="key:studio", movie_id=1)
    for address in (CHANGE, "/admin/movies/movie/1/delete/"):
        gone = boss.get(address)
        assert gone.status_code == 404
        assert "Movie 1 was deleted by key:studio" in gone.content.decode()
    version = gone.context["deleted"].change.version
    revert = {"first": version, "last": version, "next": CHANGE}
    restored = boss.post("/admin/movies/moviechange/movie/1/revert/", revert, follow=True)
    assert (restored.status_code, Movie.objects.get().title) == (200, "Kahaani")


@pytest.mark.parametrize(
    ("movie_id", "title"), [("99", "There is no movie 99"), ("007x", "No such movie"), ("²", "No such movie")]
)
def test_a_movie_that_never_was_is_not_found(viewer: Client, movie_id: str, title: str):
    response = viewer.get(f"/admin/movies/movie/{movie_id}/change/")
    assert (response.status_code, response.context["title"]) == (404, title)


def test_deleting_goes_through_the_service(boss: Client):
    movie("Kahaani", movie_id=1)
    assert boss.get("/admin/movies/movie/1/delete/").status_code == 200
    response = boss.post("/admin/movies/movie/1/delete/", {"post": "yes"}, follow=True)
    (said,) = says(response)
    assert said.startswith("The movie “")
    assert '<input type="hidden" name="last" value="2">' in said
    assert change_records("version", "action", "actor") == [(1, "added", ""), (2, "deleted", "staff:boss")]


def test_the_message_of_a_change_undoes_it(editor: Client):
    kahaani = movie("Kahaani", movie_id=1)
    (said,) = says(editor.post(CHANGE, movie_form(kahaani, title="Kahaani 2"), follow=True))
    assert '<form method="post" action="/admin/movies/moviechange/movie/1/revert/"' in said
    editor.post("/admin/movies/moviechange/movie/1/revert/", {"first": "2", "last": "2"})
    assert Movie.objects.get().title == "Kahaani"
    (*_, said) = says(editor.post(CHANGE, movie_form(Movie.objects.get()), follow=True))
    assert "<form" not in said
