"""The inventory's services: their effect on movies and history, and their errors."""

import uuid

import pytest
import structlog
from django.db import transaction

from movies.foundation.events import inventory_changed
from movies.genres import GENRES
from movies.inventory import services
from movies.inventory.validation import MAX_MOVIE_ID, BadMovie, BadMovies, NewMovie
from movies.models import Movie
from tests.movies.factories import change_records, movie, profile

ACTION, DRAMA = profile(action=100), profile(drama=100)
NO_ID = 2**70  # larger than any bigint


@pytest.fixture
def announced():
    """A list with one entry for each time that inventory_changed was sent."""
    calls = []

    def receiver(**_: object) -> None:
        calls.append(1)

    inventory_changed.connect(receiver)
    yield calls
    inventory_changed.disconnect(receiver)


def test_a_movie_is_added_with_its_actor(db):
    added = services.add_movie(
        actor="key 7", title="  Kahaani ", profile=dict(zip(GENRES, DRAMA, strict=True))
    )

    stored = Movie.objects.get()
    assert (stored.id, stored.title, stored.profile, stored.hidden, stored.version) == (
        added.id, "Kahaani", DRAMA, False, 1,
    )  # fmt: skip
    assert (added.title, added.profile, added.version, added.created) == ("Kahaani", DRAMA, 1, stored.created)
    assert change_records("movie_id", "actor", "batch") == [(added.id, "key 7", None)]


def test_a_movie_is_added_under_the_id_asked_for(db):
    assert services.add_movie(actor="a", title="A", profile=ACTION, movie_id=8675309).id == 8675309
    with pytest.raises(BadMovie) as error:
        services.add_movie(actor="a", title="B", profile=ACTION, movie_id=8675309)
    assert error.value.errors == {"id": "There is a movie 8675309 already."}
    assert list(Movie.objects.values_list("title", flat=True)) == ["A"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", "", "A title is needed."),
        ("title", " \u2003\n", "A title is needed."),
        ("title", None, "A title is a text."),
        ("title", "x" * 301, "A title has at most 300 characters; this has 301."),
        ("title", "a\0b", "A title has no control characters and no line breaks."),
        ("title", "a\ud800b", "A title has no control characters and no line breaks."),
        ("title", "a\u2028b", "A title has no control characters and no line breaks."),
        ("profile", [50, 51] + [0] * 13, "The weights sum to 101, not 100."),
        ("profile", None, "A profile is an object {genre: weight} or an array of 15 weights."),
        ("hidden", "no", "Hidden is true or false."),
        ("hidden", 1, "Hidden is true or false."),
        ("movie_id", 0, f"An id is a whole number from 1 to {MAX_MOVIE_ID}."),
        ("movie_id", True, f"An id is a whole number from 1 to {MAX_MOVIE_ID}."),
        ("movie_id", MAX_MOVIE_ID + 1, f"An id is a whole number from 1 to {MAX_MOVIE_ID}."),
    ],
)
def test_an_invalid_field_is_rejected(db, field, value, sentence):
    good = {"title": "Kahaani", "profile": ACTION}
    with pytest.raises(BadMovie) as error:
        services.add_movie(actor="a", **(good | {field: value}))
    assert error.value.errors == {field.removeprefix("movie_"): sentence}
    assert not Movie.objects.exists()


def test_every_character_that_a_title_may_have_is_kept(db):
    title = 'O\'Brien "%s" \\ {x} 花樣年華 \U0001f3ac é' + "x" * 250
    assert services.add_movie(actor="a", title=title, profile=ACTION).title == title
    assert Movie.objects.get().title == title


def test_several_are_added_in_order_by_a_constant_number_of_statements(db, django_assert_num_queries):
    movies = [NewMovie(title=f"Movie {n}", profile=DRAMA) for n in range(1000)]
    movies[3] = NewMovie(title="By hand", profile=ACTION, hidden=True, movie_id=10**9)

    # savepoint, lock and actor, taken ids, insert, actor off, savepoint released
    with django_assert_num_queries(6):
        added = services.add_movies(actor="a", movies=movies)

    assert [m.title for m in added] == [m.title for m in movies]
    assert (added[3].id, added[3].hidden) == (10**9, True)
    assert Movie.objects.count() == len({m.id for m in added}) == 1000


def test_several_are_added_or_none_and_each_error_has_its_position(db):
    movie(movie_id=5)
    with pytest.raises(BadMovies) as error:
        services.add_movies(
            actor="a",
            movies=[
                NewMovie(title="Good", profile=ACTION, movie_id=7),
                NewMovie(title="", profile=[1]),
                NewMovie(title="Taken", profile=ACTION, movie_id=5),
                NewMovie(title="Twice", profile=ACTION, movie_id=7),
            ],
        )
    assert error.value.errors == {
        1: {
            "title": "A title is needed.",
            "profile": f"A profile has 15 weights, in the order {', '.join(GENRES)}; this has 1.",
        },
        2: {"id": "There is a movie 5 already."},
        3: {"id": "Movie 7 is there twice."},
    }
    assert Movie.objects.count() == 1


def test_a_change_touches_only_the_given_fields(db):
    kahaani = movie("Kahani")

    changed = services.change_movie(actor="anna", movie_id=kahaani.id, title="Kahaani")
    services.change_movie(actor="anna", movie_id=kahaani.id, profile=DRAMA, hidden=True)

    assert (changed.title, changed.profile, changed.version) == ("Kahaani", ACTION, 2)
    assert list(Movie.objects.values_list("title", "profile", "hidden", "version")) == [
        ("Kahaani", DRAMA, True, 3)
    ]
    assert change_records("version", "actor")[1:] == [(2, "anna"), (3, "anna")]


def test_a_change_to_the_same_values_is_not_recorded(db):
    kahaani = movie("Kahaani")
    assert services.change_movie(actor="anna", movie_id=kahaani.id, title="Kahaani ").version == 1
    assert change_records("version") == [(1,)]


def test_a_change_of_another_version_than_the_one_seen_is_refused(db):
    kahaani = movie("Kahaani")
    services.change_movie(actor="anna", movie_id=kahaani.id, expected_versions={1}, title="Kahaani 2")

    with pytest.raises(services.ChangedMeanwhile, match="it is at version 2"):
        services.change_movie(actor="bert", movie_id=kahaani.id, expected_versions={1}, title="Kahaani!")
    with pytest.raises(services.ChangedMeanwhile):
        services.delete_movie(actor="bert", movie_id=kahaani.id, expected_versions={1})

    assert Movie.objects.get().title == "Kahaani 2"


@pytest.mark.parametrize("movie_id", [1, 0, -1, NO_ID])
def test_a_missing_movie_is_neither_changed_nor_deleted(db, movie_id):
    with pytest.raises(services.NoSuchMovie, match=f"no movie {movie_id}"):
        services.change_movie(actor="a", movie_id=movie_id, title="A")
    with pytest.raises(services.NoSuchMovie):
        services.delete_movie(actor="a", movie_id=movie_id)


def test_a_bad_change_changes_nothing(db):
    kahaani = movie("Kahaani")
    with pytest.raises(BadMovie) as error:
        services.change_movie(actor="a", movie_id=kahaani.id, title="", profile=DRAMA)
    assert error.value.errors == {"title": "A title is needed."}
    assert list(Movie.objects.values_list("profile", flat=True)) == [ACTION]


def test_bulk_actions_return_how_many_they_changed_and_are_one_batch_each(db):
    shown, hidden, deleted = movie("A"), movie("B", hidden=True), movie("C")

    assert services.hide_movies(actor="a", movie_ids=[shown.id, hidden.id, 0, NO_ID]) == 1
    assert services.show_movies(actor="a", movie_ids=[shown.id, hidden.id, deleted.id]) == 2
    assert services.delete_movies(actor="a", movie_ids=[deleted.id, deleted.id + 1, NO_ID]) == 1

    assert sorted(Movie.objects.values_list("id", "hidden")) == [(shown.id, False), (hidden.id, False)]
    batches = [batch for (batch,) in change_records("batch")[3:]]
    assert batches[1] == batches[2]
    assert len(set(batches)) == 3
    assert None not in batches


def test_changes_inside_a_change_are_part_of_it(db):
    batch = uuid.uuid4()
    with services.change(actor="import", batch=batch):
        first = services.add_movie(actor="x", title="A", profile=ACTION)
        services.hide_movies(actor="x", movie_ids=[first.id])
    services.change_movie(actor="bert", movie_id=first.id, hidden=False)

    assert change_records("version", "actor", "batch") == [
        (1, "import", batch),
        (2, "import", batch),
        (3, "bert", None),
    ]


def test_later_changes_of_the_callers_transaction_are_not_the_actors(db):
    with transaction.atomic():
        first = services.add_movie(actor="anna", title="A", profile=ACTION)
        Movie.objects.filter(id=first.id).update(title="B")
    assert change_records("actor", "batch") == [("anna", None), ("", None)]


def test_a_failed_change_leaves_nothing_and_does_not_affect_a_later_one(db):
    def add_and_fail() -> None:
        with services.change(actor="import", batch=uuid.uuid4()):
            services.add_movie(actor="x", title="A", profile=ACTION)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        add_and_fail()
    services.add_movie(actor="anna", title="B", profile=ACTION)
    assert change_records("after__title", "actor", "batch") == [("B", "anna", None)]


def test_the_request_is_on_record(db):
    with structlog.contextvars.bound_contextvars(request_id="abc-1"):
        services.add_movie(actor="a", title="A", profile=ACTION)
    assert change_records("request_id") == [("abc-1",)]


@pytest.mark.django_db(transaction=True)
def test_a_committed_change_sends_one_event_and_a_failed_one_none(announced):
    with services.change(actor="import"):
        added = services.add_movie(actor="x", title="A", profile=ACTION)
        services.hide_movies(actor="x", movie_ids=[added.id])
        assert announced == []
    assert announced == [1]
    with pytest.raises(BadMovie):
        services.add_movie(actor="x", title="", profile=ACTION)
    assert announced == [1]


@pytest.mark.django_db(transaction=True)
def test_a_failing_subscriber_does_not_fail_the_change():
    def receiver(**_: object) -> None:
        raise ConnectionError("no broker")

    inventory_changed.connect(receiver)
    try:
        services.add_movie(actor="a", title="A", profile=ACTION)
    finally:
        inventory_changed.disconnect(receiver)
    assert Movie.objects.get().title == "A"
