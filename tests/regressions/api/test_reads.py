"""Lists that clients read are never empty, and as long as asked for."""

import itertools

import pytest
from django.db.models import F
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from movies import tasks
from movies.genres import OVERALL
from movies.models import Movie, PopularList, ViewCount
from movies.viewing import popularity
from tests.api.calling import Caller
from tests.movies.factories import movie, profile
from tests.servers.queues import Queues
from tests.statements import sent_statements

NEW = 534356757834  # a user without any record
USER = 7
SHOWN = 20


def inventory(number: int, **weights: int) -> list[int]:
    """Creates this many movies and their popular lists; returns the ids, most viewed first."""
    weights_of_all = profile(**(weights or {"drama": 100}))
    Movie.objects.bulk_create(Movie(title=f"Movie {n}", profile=weights_of_all) for n in range(number))
    ids = list(Movie.objects.order_by("id").values_list("id", flat=True))
    ViewCount.objects.update(views=100 * (ids[-1] + 1 - F("movie_id")))
    popularity.refresh()
    return ids


def lists(user: int = USER) -> tuple[list[int], list[int]]:
    """Ids of what the user is shown: recommended, being watched."""
    answer = Client().get(f"/tetraflix/recommendations/{user}")
    assert answer.status_code == 200
    shown = answer.json()
    return tuple([one["id"] for one in shown[name]] for name in ("recommendations", "currentlyWatching"))  # type: ignore[return-value]


def genre(name: str, limit: int = SHOWN) -> list[int]:
    return [one["id"] for one in Client().get(f"/tetraflix/genre/{name}?limit={limit}").json()["genre"]]


def watch(service: Caller, progress: dict[int, float], user: int = USER) -> None:
    """The movies are watched in this order."""
    events = [
        {
            "movie": {"id": movie_id},
            "progress": share,
            "timestamp": f"2017-09-08T12:{n // 60:02}:{n % 60:02}Z",
        }
        for n, (movie_id, share) in enumerate(progress.items())
    ]
    answer = service("POST", "/tetraflix/sessionData", {"userId": user, "events": events})
    assert answer.status_code == 201, answer.content


def recommend(service: Caller, ids: list[int], user: int = USER) -> None:
    assert service("POST", "/tetraflix/userRecs", {"userId": user, "rec": ids}).status_code == 201


@pytest.fixture(params=["postgres", "mongo"])
def store(request: pytest.FixtureRequest, transactional_db: None, settings: Settings) -> None:
    """Each store of user lists."""
    if request.param == "mongo":
        settings.MONGODB_URL = request.getfixturevalue("mongodb_url")


# -- never empty -----------------------------------------------------------------------------------


def test_a_user_who_only_began_a_popular_movie_gets_the_other_popular_ones(store: None, service: Caller):
    """B1: a user without any record begins the first movie of the answer."""
    ids = inventory(150)
    assert lists(NEW) == (ids[:SHOWN], [])
    watch(service, {ids[0]: 0.3}, NEW)
    assert lists(NEW) == (ids[1 : SHOWN + 1], [ids[0]])


def test_an_empty_list_is_filled_with_popular_movies(store: None, service: Caller):
    """B1-empty: the recommender sends an empty list."""
    ids = inventory(150)
    recommend(service, [])
    assert lists() == (ids[:SHOWN], [])


def test_a_user_who_finished_a_whole_list_gets_popular_movies_without_those_finished(
    store: None, service: Caller
):
    """B1-finished: all 20 of a list are finished, the most popular ones among them."""
    ids = inventory(150)
    own = ids[5:15] + ids[120:130]
    recommend(service, own)
    watch(service, dict.fromkeys(own[:-1], 1.0))
    assert lists() == (own[-1:], [])
    watch(service, {own[-1]: 1.0})
    assert lists() == (ids[:5] + ids[15:30], [])


def test_a_list_whose_movies_are_all_hidden_or_deleted_is_filled_too(store: None, service: Caller):
    ids = inventory(150)
    recommend(service, ids[100:103])
    Movie.objects.filter(id__in=ids[100:102]).update(hidden=True)
    Movie.objects.filter(id=ids[102]).delete()
    assert lists() == (ids[:SHOWN], [])
    Movie.objects.filter(id=ids[101]).update(hidden=False)
    assert lists() == ([ids[101]], [])


def test_a_list_whose_movies_are_all_being_watched_is_filled_too(store: None, service: Caller):
    ids = inventory(150)
    recommend(service, ids[3:6])
    watch(service, {ids[3]: 0.1, ids[4]: 0.2, ids[5]: 0.3})
    assert lists() == (ids[:3] + ids[6:23], ids[5:2:-1])


def test_a_heavy_user_gets_what_follows_all_popular_movies_that_they_finished(store: None, service: Caller):
    """Also beyond the stored list, and although the user's record keeps only 20 finishes."""
    listed = popularity.STORED_LIST_LENGTH
    ids = inventory(listed + 60)
    watch(service, {**dict.fromkeys(ids[: listed + 10], 1.0), ids[listed + 10]: 0.5})
    recommended, watching = lists()
    assert watching == [ids[listed + 10]]
    assert recommended == ids[listed + 11 : listed + 31]


def test_fewer_than_20_movies_are_shown_when_fewer_are_left(store: None, service: Caller):
    ids = inventory(25)
    watch(service, {**dict.fromkeys(ids[:20], 1.0), ids[20]: 0.5})
    assert lists() == (ids[21:], [ids[20]])
    watch(service, dict.fromkeys(ids, 1.0))
    assert lists() == ([], [])


users = itertools.count(1_000)


@hypothesis_settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_the_answer_matches_a_plain_model_of_the_contract(store: None, service: Caller, data: st.DataObject):
    """For any inventory, list, finishes (more than are kept), and hidden movies."""
    Movie.objects.all().delete()
    user = next(users)
    number = data.draw(st.integers(1, 45), "movies")
    ids = inventory(number)
    some = st.lists(st.sampled_from([*ids, 10**9]), max_size=30, unique=True)
    own, finished = data.draw(some, "list"), data.draw(some, "finished")
    begun = data.draw(st.lists(st.sampled_from(ids), max_size=20, unique=True), "begun")
    begun = [movie_id for movie_id in begun if movie_id not in finished]
    hidden = data.draw(st.lists(st.sampled_from(ids), max_size=30), "hidden")
    if data.draw(st.booleans(), "has a list"):
        recommend(service, own, user)
    else:
        own = []
    watch(service, {**dict.fromkeys(finished, 1.0), **dict.fromkeys(begun, 0.5)}, user)
    Movie.objects.filter(id__in=hidden).update(hidden=True)

    def visible(some_ids: list[int]) -> list[int]:
        return [movie_id for movie_id in some_ids if movie_id in ids and movie_id not in hidden]

    taken = {*finished, *begun}
    listed = [movie_id for movie_id in own if movie_id in ids][:SHOWN]
    left = visible([movie_id for movie_id in listed if movie_id not in taken])
    popular = visible([movie_id for movie_id in ids if movie_id not in taken])[:SHOWN]
    assert lists(user) == (left or popular, visible(begun[::-1]))


def test_a_read_of_a_user_with_something_left_runs_one_statement(db: None, service: Caller):
    ids = inventory(30)
    recommend(service, ids[:1])
    lists()
    with sent_statements() as sent:
        lists()
    assert len(sent) == 1, sent


# -- a genre's answer is as long as asked for ------------------------------------------------------


def test_the_next_most_popular_replace_hidden_westerns(db: None):
    """B2: twice the 100 best are hidden, without a refresh in between."""
    ids = inventory(260, western=60, drama=40)
    for start in (0, 100):
        shown = genre("western", 100)
        assert shown == ids[start : start + 100]
        Movie.objects.filter(id__in=shown).update(hidden=True)
    assert genre("western", 100) == ids[200:]
    assert genre("western") == ids[200:220]


def test_a_cold_start_is_20_movies_however_many_of_the_best_are_hidden(db: None):
    """B2-cold: the movies that a user without any record gets are hidden, 11 times."""
    ids = inventory(240)
    for start in range(0, 220, SHOWN):
        shown, _ = lists(NEW)
        assert shown == ids[start : start + SHOWN]
        Movie.objects.filter(id__in=shown).update(hidden=True)
    assert lists(NEW)[0] == ids[220:]


def test_a_movie_that_comes_into_a_short_genre_is_in_the_next_answer(db: None):
    ids = inventory(210, drama=100)
    late = movie("Late", western=1, drama=99)
    assert genre("western") == [late.id]
    Movie.objects.filter(id=ids[0]).update(profile=profile(western=100))
    assert genre("western") == [ids[0], late.id]


def test_a_movie_that_loses_the_genre_leaves_a_full_list_at_once(db: None):
    ids = inventory(210)
    genre("drama")
    Movie.objects.filter(id=ids[1]).update(profile=profile(western=100))
    assert genre("drama", 2) == [ids[0], ids[2]]


def test_a_change_refills_a_list_that_lost_movies(db: None, queues: Queues):
    ids = inventory(500)
    Movie.objects.filter(id__in=ids[:150]).update(hidden=True)
    tasks.publish_changes.run()
    stored = PopularList.objects.get(genre=OVERALL).movie_ids
    assert [movie_id for movie_id in stored if movie_id not in ids[:150]] == ids[150:350]
    refreshed = PopularList.objects.get(genre=OVERALL).refreshed_at
    Movie.objects.filter(id__in=ids[150:200]).update(hidden=True)  # enough is left
    tasks.publish_changes.run()
    assert PopularList.objects.get(genre=OVERALL).refreshed_at == refreshed


def test_a_short_list_is_completed_without_a_lock_and_only_after_a_change(db: None):
    ids = inventory(400)
    genre("drama")  # the process holds the list
    Movie.objects.filter(id__in=ids[:150]).update(hidden=True)
    with sent_statements() as sent:
        assert genre("drama") == ids[150:170]
    assert len(sent) == 4, sent
    assert not [statement for statement in sent if "LOCK" in statement or "FOR UPDATE" in statement]
    with sent_statements() as sent:
        assert genre("drama", 100) == ids[150:250]
    assert len(sent) == 1, sent


@hypothesis_settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_a_genre_matches_the_tables_after_any_hiding_showing_and_deleting(db: None, data: st.DataObject):
    """Without a refresh; of a genre with a few movies, and of one with more than a list has places."""
    Movie.objects.all().delete()
    number = data.draw(
        st.integers(0, 12) | st.integers(popularity.STORED_LIST_LENGTH, popularity.STORED_LIST_LENGTH + 60),
        "movies",
    )
    random = data.draw(st.randoms(use_true_random=False))
    kinds = [profile(western=w, drama=100 - w) for w in (1, 1, 50, 60, 100)] + [profile(drama=100)]
    Movie.objects.bulk_create(
        Movie(title="Movie", profile=random.choice(kinds), hidden=random.random() < 0.2)
        for _ in range(number)
    )
    most = data.draw(st.sampled_from([0, 3, 10**6]), "most views")
    for stored in ViewCount.objects.filter(movie_id__in=Movie.objects.values("id")):
        ViewCount.objects.filter(movie_id=stored.movie_id).update(views=random.randint(0, most))
    popularity.refresh()
    for _ in range(data.draw(st.integers(1, 6), "changes")):
        ids = list(Movie.objects.order_by("id").values_list("id", flat=True))
        some = Movie.objects.filter(id__in=random.sample(ids, random.randint(0, len(ids))))
        act = data.draw(st.sampled_from(["hide", "show", "delete"]))
        if act == "delete":
            Movie.objects.filter(id__in=[one.id for one in some[:40]]).delete()
        else:
            some.update(hidden=act == "hide")
        for name in ("western", "drama"):
            limit = data.draw(st.sampled_from([1, 20, 100]))
            assert genre(name, limit) == by_definition(name)[:limit]


def by_definition(name: str) -> list[int]:
    """Views x weight, then the weight, then the lower id."""
    views = dict(ViewCount.objects.values_list("movie_id", "views"))
    place = {"western": 14, "drama": 4}[name]
    having = [m for m in Movie.objects.filter(hidden=False) if m.profile[place]]
    having.sort(key=lambda m: (-views[m.id] * m.profile[place], -m.profile[place], m.id))
    return [m.id for m in having]
