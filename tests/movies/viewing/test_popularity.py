"""Popularity lists are exact over the inventory, of one instant, and replaced atomically."""

import threading
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from movies.genres import GENRES, OVERALL
from movies.models import Movie, PopularList, ViewCount
from movies.tasks import refresh_popularity
from movies.viewing import popularity
from tests.movies.factories import movie, other_connection, profile, waits_meanwhile


def lists() -> dict[str, list[int]]:
    return dict(PopularList.objects.values_list("genre", "movie_ids"))


def viewed(views: int, **kwargs: object) -> Movie:
    made = movie(**kwargs)  # type: ignore[arg-type]
    ViewCount.objects.filter(movie=made).update(views=views)
    return made


def by_definition() -> dict[str, list[int]]:
    """The definition of the lists, computed plainly; a full list also ranks hidden movies."""
    views = dict(ViewCount.objects.values_list("movie_id", "views"))
    hidden = set(Movie.objects.filter(hidden=True).values_list("id", flat=True))
    movies = [(m.id, views.get(m.id, 0), m.profile) for m in Movie.objects.all()]
    overall = sorted(movies, key=lambda m: (-m[1], m[0]))
    expected = {OVERALL: [m[0] for m in overall]}
    for place, genre in enumerate(GENRES):
        having = [m for m in movies if m[2][place] > 0]
        having.sort(key=lambda m: (-m[1] * m[2][place], -m[2][place], m[0]))
        expected[genre] = [m[0] for m in having]
    return {genre: _cut(ids, hidden) for genre, ids in expected.items()}


def _cut(ids: list[int], hidden: set[int]) -> list[int]:
    visible = [movie_id for movie_id in ids if movie_id not in hidden][: popularity.STORED_LIST_LENGTH]
    if len(visible) < popularity.STORED_LIST_LENGTH:
        return visible
    ranked = ids[: ids.index(visible[-1]) + 1]
    kept = set([movie_id for movie_id in ranked if movie_id in hidden][: popularity.MAX_HIDDEN])
    return [movie_id for movie_id in ranked if movie_id not in hidden or movie_id in kept]


def test_popularity_in_a_genre_is_views_times_weight(db):
    often = viewed(10, title="Often", drama=30, comedy=70)
    strong = viewed(4, title="Strong", drama=100)
    rarely = viewed(1, title="Rarely", drama=50, comedy=50)
    viewed(99, title="Hidden", hidden=True, drama=100)

    popularity.refresh()

    assert {genre: ids for genre, ids in lists().items() if ids} == {
        OVERALL: [often.id, strong.id, rarely.id],
        "drama": [strong.id, often.id, rarely.id],
        "comedy": [often.id, rarely.id],
    }
    assert set(lists()) == {OVERALL, *GENRES}


def test_ties_go_to_the_stronger_and_then_to_the_lower_id(db):
    weak = viewed(10, drama=10, action=90)
    strong = viewed(2, drama=50, action=50)
    same = viewed(2, drama=50, action=50)
    unseen_weak, unseen_strong = viewed(0, drama=1, action=99), viewed(0, drama=100)

    popularity.refresh()

    assert lists()["drama"] == [strong.id, same.id, weak.id, unseen_strong.id, unseen_weak.id]
    assert lists()[OVERALL] == [weak.id, strong.id, same.id, unseen_weak.id, unseen_strong.id]


def test_an_empty_inventory_has_empty_lists(db):
    gone = viewed(5)
    popularity.refresh()
    Movie.objects.all().delete()
    popularity.refresh()
    assert ViewCount.objects.get(movie_id=gone.id).views == 5
    assert lists() == {genre: [] for genre in (OVERALL, *GENRES)}


def test_a_movie_without_any_view_is_in_the_lists(db):
    uncounted = movie()
    ViewCount.objects.all().delete()
    popularity.refresh()
    assert lists()[OVERALL] == lists()["action"] == [uncounted.id]


def test_a_list_is_filled_and_the_most_viewed_enter_from_anywhere(db):
    Movie.objects.bulk_create(
        Movie(title=f"Movie {n}", profile=profile(action=n % 100 + 1, drama=99 - n % 100)) for n in range(500)
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE movies_viewcount SET views = movie_id % 37")
    popularity.refresh()
    first = lists()
    assert first == by_definition()
    last = Movie.objects.latest("id")
    ViewCount.objects.filter(movie=last).update(views=10**12)
    Movie.objects.filter(id=first[OVERALL][0]).update(hidden=True)
    popularity.refresh()

    assert lists() == by_definition()
    assert lists()[OVERALL][0] == last.id
    visible = set(Movie.objects.filter(hidden=False).values_list("id", flat=True))
    lengths = [len(visible.intersection(lists()[genre])) for genre in (OVERALL, "action", "western")]
    assert lengths == [popularity.STORED_LIST_LENGTH] * 2 + [0]
    assert first[OVERALL][0] in lists()[OVERALL]  # the hidden one keeps its rank


def test_views_of_a_million_millions_do_not_overflow(db):
    huge, large = viewed(9 * 10**16, western=100), viewed(8 * 10**16, western=100)
    popularity.refresh()
    assert lists()["western"] == [huge.id, large.id]


class AnyInventory(TestCase):
    """The lists are as defined for any views and profiles, before and after more views."""

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def test_the_lists_are_those_of_the_definition(self, data):
        strongest = st.sampled_from([profile(drama=100), profile(drama=60, action=40), profile(western=100)])
        views = st.sampled_from([0, 0, 1, 2, 3, 7, 10**6])
        made = data.draw(st.lists(st.tuples(strongest, views, st.booleans()), max_size=12))
        longest, most_hidden = popularity.STORED_LIST_LENGTH, popularity.MAX_HIDDEN
        popularity.STORED_LIST_LENGTH = data.draw(st.integers(1, 4))  # small, so that few movies fill a list
        popularity.MAX_HIDDEN = data.draw(st.integers(0, 3))
        try:
            for weights, count, hidden in made:
                new = Movie.objects.create(title="Movie", profile=weights, hidden=hidden)
                ViewCount.objects.filter(movie=new).update(views=count)
            popularity.refresh()
            assert lists() == by_definition()
            for stored in Movie.objects.all():
                Movie.objects.filter(id=stored.id).update(hidden=data.draw(st.booleans()))
                ViewCount.objects.filter(movie=stored).update(views=data.draw(views))
            popularity.refresh()
            assert lists() == by_definition()
        finally:
            popularity.STORED_LIST_LENGTH, popularity.MAX_HIDDEN = longest, most_hidden


def test_only_movies_that_could_be_in_a_list_are_read(db):
    """Except those listed before, which give the bounds."""
    views = {viewed(n, drama=100).id: n for n in range(popularity.STORED_LIST_LENGTH + 100)}
    for genre in (g for g in GENRES if g != "drama"):
        Movie.objects.bulk_create(
            Movie(title="Full", profile=profile(**{genre: 100})) for _ in range(popularity.STORED_LIST_LENGTH)
        )
    ViewCount.objects.exclude(movie_id__in=views).update(views=10_000)
    popularity.refresh()

    listed = len({movie_id for ids in lists().values() for movie_id in ids})
    assert listed == 15 * popularity.STORED_LIST_LENGTH
    assert popularity.refresh().movies_read == 2 * listed


@pytest.mark.django_db(transaction=True)
def test_a_reader_sees_the_old_lists_until_the_new_are_committed_and_a_second_refresh_waits():
    first = viewed(5)
    popularity.refresh()
    second = viewed(9)
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute(
            "LOCK TABLE movies_popularlist IN SHARE ROW EXCLUSIVE MODE"
        )  # as a running refresh does
        with waits_meanwhile(popularity.refresh):
            assert lists()[OVERALL] == [first.id]
            third = viewed(7)  # committed while it waits: its snapshot must not be older than that
            other.rollback()
    assert lists()[OVERALL] == [second.id, third.id, first.id]


@pytest.mark.django_db(transaction=True)
def test_a_refresh_waits_for_a_change_of_inventory_and_includes_it():
    hidden, shown = viewed(9), viewed(5)
    with other_connection() as other, other.cursor() as cursor:
        cursor.execute("UPDATE movies_movie SET hidden = true WHERE id = %s", [hidden.id])
        with waits_meanwhile(popularity.refresh):
            other.commit()
    assert lists()[OVERALL] == [shown.id]


@pytest.mark.django_db(transaction=True)
def test_two_refreshes_at_once_do_no_harm():
    movies = [viewed(n, drama=100) for n in range(30)]
    failures: list[BaseException] = []

    def refresh() -> None:
        try:
            for _ in range(5):
                refresh_popularity.run()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=refresh) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert lists()["drama"] == [m.id for m in reversed(movies)]


@pytest.mark.django_db(transaction=True)
def test_the_command_reports_its_result(capsys):
    only = viewed(1)
    before = datetime.now(UTC)
    call_command("refresh_popularity")
    out = capsys.readouterr().out
    assert out.startswith("16 popularity lists refreshed in ")
    assert out.endswith(" ms.\n")
    assert PopularList.objects.get(genre=OVERALL).movie_ids == [only.id]
    assert PopularList.objects.get(genre=OVERALL).refreshed_at >= before
