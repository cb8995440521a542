"""Adding, changing and deleting one movie in the admin."""

from django.test import Client

from movies.inventory import services
from movies.models import Movie
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


def test_a_change_to_an_outdated_version_is_refused(editor: Client):
    kahaani = movie("Kahaani", movie_id=1)
    services.change_movie(actor="key:studio", movie_id=1, title="Kahaani 2")
    response = editor.post(CHANGE, movie_form(kahaani, title="Kahaani 3"))
    assert errors(response)["__all__"][0].startswith("This movie was changed while you edited it")
    assert Movie.objects.get().title == "Kahaani 2"


def test_deleting_goes_through_the_service(boss: Client):
    movie("Kahaani", movie_id=1)
    assert boss.get("/admin/movies/movie/1/delete/").status_code == 200
    response = boss.post("/admin/movies/movie/1/delete/", {"post": "yes"}, follow=True)
    assert [text.split(" “")[0] for text in says(response)] == ["The movie"]
    assert change_records("version", "action", "actor") == [(1, "added", ""), (2, "deleted", "staff:boss")]
