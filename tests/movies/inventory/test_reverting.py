"""Reverting undoes a bulk change or an import as one batch, except for movies changed later."""

import uuid

import pytest

from movies.inventory import services
from movies.inventory.reverting import AlreadyReverted, ChangedSince, NotOnRecord, revert_batch, revert_movie
from movies.inventory.validation import NewMovie
from movies.models import Movie, MovieChange, ViewCount
from tests.movies.factories import change_records, movie, profile

ACTION, DRAMA = profile(action=100), profile(drama=60, comedy=40)


def inventory() -> list[tuple[object, ...]]:
    return list(Movie.objects.order_by("id").values_list("id", "title", "profile", "hidden"))


def test_an_import_is_reverted_as_one_batch(db):
    edited, deleted, hidden = (
        movie("Edited", drama=60, comedy=40),
        movie("Deleted"),
        movie("Hidden", hidden=True),
    )
    ViewCount.objects.filter(movie=deleted).update(views=5)
    before = inventory()
    batch = uuid.uuid4()
    with services.change(actor="import", batch=batch):
        services.change_movie(actor="x", movie_id=edited.id, title="Edited!", profile=ACTION)
        services.change_movie(actor="x", movie_id=edited.id, title="Edited!!")
        services.delete_movies(actor="x", movie_ids=[deleted.id])
        services.show_movies(actor="x", movie_ids=[hidden.id])
        services.add_movies(actor="x", movies=[NewMovie(title="New", profile=DRAMA)])
        passing = services.add_movie(actor="x", title="Passing", profile=DRAMA)
        services.delete_movie(actor="x", movie_id=passing.id)
    after = inventory()

    reverted = revert_batch(batch=batch, actor="anna")

    assert inventory() == before
    assert (reverted.movies, reverted.changed_since) == (4, [])
    assert sorted(change_records("movie_id", "version", "action", "actor", batch=reverted.batch)) == [
        (edited.id, 4, "updated", "anna"),
        (deleted.id, 3, "added", "anna"),
        (hidden.id, 3, "deleted", "anna"),
        (passing.id - 1, 2, "deleted", "anna"),
    ]
    assert ViewCount.objects.get(movie=deleted).views == 5

    revert_batch(batch=reverted.batch, actor="anna")
    assert inventory() == after


def test_movies_changed_later_are_not_reverted_and_listed(db):
    untouched, edited, gone = movie("A"), movie("B"), movie("C")
    batch = uuid.uuid4()
    services.hide_movies(actor="x", movie_ids=[untouched.id, edited.id, gone.id], batch=batch)
    services.change_movie(actor="bert", movie_id=edited.id, title="B!")
    services.delete_movie(actor="bert", movie_id=gone.id)

    reverted = revert_batch(batch=batch, actor="anna")

    assert (reverted.movies, reverted.changed_since) == (1, [edited.id, gone.id])
    assert inventory() == [(untouched.id, "A", ACTION, False), (edited.id, "B!", ACTION, True)]


def test_a_batch_is_reverted_once(db):
    only = movie("A")
    batch = uuid.uuid4()
    services.hide_movies(actor="x", movie_ids=[only.id], batch=batch)

    assert revert_batch(batch=batch, actor="a").movies == 1
    with pytest.raises(AlreadyReverted, match=r"^a reverted this batch already, at "):
        revert_batch(batch=batch, actor="b")
    assert inventory() == [(only.id, "A", ACTION, False)]


def test_an_unknown_batch_is_refused(db):
    with pytest.raises(NotOnRecord):
        revert_batch(batch=uuid.uuid4(), actor="a")


def test_reverting_takes_the_same_statements_for_many_movies(db, django_assert_num_queries):
    batch = uuid.uuid4()
    with services.change(actor="import", batch=batch):
        new = [NewMovie(title=f"Movie {n}", profile=DRAMA) for n in range(500)]
        services.add_movies(actor="x", movies=new)
    # the batch's entry, savepoint, lock and actor, whether it is reverted, its movies, their states, savepoint,
    # delete, release, actor off, release
    with django_assert_num_queries(11):
        assert revert_batch(batch=batch, actor="a").movies == 500
    assert inventory() == []


def test_an_old_title_is_restored_in_normalized_form(db):
    """Some titles on record have characters that are not allowed any more."""
    kahaani = movie("Kahaani")
    batch = uuid.uuid4()
    services.delete_movies(actor="x", movie_ids=[kahaani.id], batch=batch)
    state = {"title": "Kaha\u200bani", "profile": ACTION, "hidden": False}
    MovieChange.objects.filter(batch=batch).update(before=state)
    revert_batch(batch=batch, actor="anna")
    assert inventory() == [(kahaani.id, "Kahaani", ACTION, False)]


def test_one_change_is_reverted_and_so_is_its_revert(db):
    kahaani = movie("Kahaani", drama=60, comedy=40)
    services.change_movie(actor="x", movie_id=kahaani.id, title="Kahaani 2", profile=ACTION)
    reverted = revert_movie(actor="anna", movie_id=kahaani.id, first=2, last=2)
    assert reverted is not None
    assert (reverted.version, reverted.actor, reverted.batch) == (3, "anna", None)
    assert inventory() == [(kahaani.id, "Kahaani", DRAMA, False)]
    revert_movie(actor="anna", movie_id=kahaani.id, first=3, last=3)
    assert inventory() == [(kahaani.id, "Kahaani 2", ACTION, False)]


def test_an_earlier_version_is_restored_also_of_a_deleted_movie(db):
    kahaani = movie("Kahaani")
    services.change_movie(actor="x", movie_id=kahaani.id, title="Kahaani 2")
    services.delete_movie(actor="x", movie_id=kahaani.id)
    revert_movie(actor="anna", movie_id=kahaani.id, first=2, last=3)
    assert inventory() == [(kahaani.id, "Kahaani", ACTION, False)]


def test_a_reverted_addition_deletes_the_movie(db):
    kahaani = movie("Kahaani")
    revert_movie(actor="anna", movie_id=kahaani.id, first=1, last=1)
    assert inventory() == []


def test_a_change_that_is_not_the_latest_is_not_reverted(db):
    kahaani = movie("Kahaani")
    services.change_movie(actor="x", movie_id=kahaani.id, title="Kahaani 2")
    services.change_movie(actor="staff:bert", movie_id=kahaani.id, title="Kahaani 3")
    with pytest.raises(
        ChangedSince, match=rf"^Movie {kahaani.id} is at version 3 now: staff:bert changed it at "
    ):
        revert_movie(actor="anna", movie_id=kahaani.id, first=2, last=2)
    with pytest.raises(NotOnRecord):
        revert_movie(actor="anna", movie_id=kahaani.id, first=4, last=4)
    assert inventory() == [(kahaani.id, "Kahaani 3", ACTION, False)]


def test_a_return_to_the_same_state_records_nothing(db):
    kahaani = movie("Kahaani")
    services.hide_movies(actor="x", movie_ids=[kahaani.id])
    services.show_movies(actor="x", movie_ids=[kahaani.id])
    assert revert_movie(actor="anna", movie_id=kahaani.id, first=2, last=3) is None
    assert MovieChange.objects.count() == 3
