"""First starts and raters are a function of what was reported: neither order nor repetition changes them."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import Settings

from movies.models import Movie
from recommendations.experiments import starts, untallied
from recommendations.experiments.starts import Watched
from recommendations.models import ChangedUser, Rater, Start
from sessions_ingest.apply import apply
from sessions_ingest.batches import Batch
from sessions_ingest.messages import Session, WatchEvent

FIRST = datetime(2026, 11, 1, tzinfo=UTC)

watched = st.builds(
    Watched,
    user_id=st.integers(1, 2),
    movie_id=st.integers(1, 2),
    at=st.integers(0, 2).map(lambda hours: FIRST + timedelta(hours=hours)),
    is_rec=st.sampled_from([None, False, True]),
    group_id=st.sampled_from([None, "0", "1", "a", "B"]),
    rated=st.booleans(),
)


class OfWhatWasReported(TestCase):
    @given(
        events=st.lists(watched, max_size=12),
        cuts=st.lists(st.integers(0, 12), max_size=3),
        seed=st.integers(),
    )
    def test_least_times_stay_whatever_the_order(
        self, events: list[Watched], cuts: list[int], seed: int
    ) -> None:
        Start.objects.all().delete()
        Rater.objects.all().delete()
        again = events + random.Random(seed).sample(events, len(events) // 2)
        random.Random(seed).shuffle(again)
        bounds = [0, *sorted(cuts), len(again)]
        for begin, end in itertools.pairwise(bounds):
            starts.record(again[begin:end])

        expected = {}
        for user, movie in {(event.user_id, event.movie_id) for event in events}:
            mine = [event for event in events if (event.user_id, event.movie_id) == (user, movie)]
            at = min(event.at for event in mine)
            said = [event for event in mine if event.at == at]
            is_rec = [event.is_rec for event in said if event.is_rec is not None]
            group = [event.group_id for event in said if event.group_id is not None]
            expected[user, movie] = (at, max(is_rec, default=None), max(group, default=None))
        stored = Start.objects.values_list("user_id", "movie_id", "started_at", "is_rec", "group_id")
        assert {(user, movie): tuple(rest) for user, movie, *rest in stored} == expected
        raters = {event.user_id for event in events if event.rated}
        assert dict(Rater.objects.values_list("user_id", "rated_at")) == {
            user: min(event.at for event in events if event.user_id == user and event.rated)
            for user in raters
        }


@pytest.mark.django_db
def test_a_session_leaves_starts_a_rater_and_marks(settings: Settings) -> None:
    movie = Movie.objects.create(title="One", profile=[100] + [0] * 14)
    ahead = FIRST + timedelta(hours=5)
    session = Session(
        7,
        (
            WatchEvent(movie.id, 0.3, ahead, effective_at=FIRST + timedelta(microseconds=1), is_rec=True),
            WatchEvent(
                movie.id,
                1.0,
                ahead + timedelta(hours=1),
                effective_at=FIRST + timedelta(microseconds=2),
                rated=True,
            ),
            WatchEvent(movie.id + 1, 1.0, FIRST, rated=True),
        ),
        FIRST,
        "control",
    )
    for _ in range(2):
        apply([Batch(settings.SESSION_QUEUE, [session, Session(8, (), FIRST)])])
    assert list(Start.objects.values_list("user_id", "movie_id", "started_at", "is_rec", "group_id")) == [
        (7, movie.id, FIRST + timedelta(microseconds=1), True, "control")
    ]
    assert list(Rater.objects.values_list("user_id", "rated_at")) == [(7, FIRST + timedelta(microseconds=2))]
    assert untallied.take(10) == [7]
    assert untallied.take(10) == []
    untallied.mark([9, 7, 9])
    assert untallied.take(1) == [7]
    assert list(ChangedUser.objects.filter(untallied=True).values_list("user_id", flat=True)) == [9]


@pytest.mark.django_db
def test_starts_of_months_that_are_not_kept_are_deleted(settings: Settings) -> None:
    now = datetime.now(UTC)
    starts.record(
        Watched(1, movie, now - timedelta(days=days), None, None, rated=False)
        for movie, days in ((1, 0), (2, 100))
    )
    assert starts.delete_old() == 0
    settings.VIEWS_KEPT_MONTHS = 2
    assert starts.delete_old() == 1
    assert [start.movie_id for start in Start.objects.all()] == [1]
