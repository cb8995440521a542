"""On MovieLens 100K the strategies rank as measured elsewhere: mixture before popularity before Euclid.

The views are counted by the functions that ingestion calls, not sent through SQS: that takes minutes and is what
test_oracle does with fewer. docs/replay.md has the figures of a replay of all of it through SQS, which are these.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import transaction

from sessions_ingest.replay import inventory, record, stored_history
from sessions_ingest.replay.history import measure
from sessions_ingest.replay.measures import evaluation
from sessions_ingest.replay.movielens import read_movies, read_ratings
from tests.movies.factories import count_views

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

BATCH = 10_000
# from other measurements, by another program: recommending by mixture, and by recent popularity
KNOWN = {"mixture": 0.139, "popular": 0.121}


def test_mixture_is_better_than_popularity_and_popularity_than_euclid(movielens: Path) -> None:
    inventory.add(read_movies(movielens / "u.item"))
    finishes = read_ratings(movielens / "u.data")
    for start in range(0, len(finishes), BATCH):
        part = finishes[start : start + BATCH]
        times = (datetime.fromtimestamp(at, UTC) for at in part.times.tolist())
        with transaction.atomic():
            count_views(zip(part.user_ids.tolist(), part.movie_ids.tolist(), times, strict=True))
    assert record.counted(finishes) == len(finishes) == 100_000

    result = evaluation(measure(stored_history.load(), stored_history.taste()))
    assert (result.finishes, result.users) == (95_285, 943)
    assert {pair: difference.low > 0 for pair, difference in result.differences.items()} == {
        ("mixture", "popular"): True,
        ("popular", "euclid"): True,
    }
    rates = {name: measured.hit_rate.value for name, measured in result.strategies.items()}
    for name, known in KNOWN.items():
        assert rates[name] == pytest.approx(known, rel=0.05)
    assert rates["euclid"] > rates["euclid_fixed"] > rates["random"]
    assert rates["mixture"] > rates["mixture_fixed"]
    coverage = {name: measured.coverage for name, measured in result.strategies.items()}
    assert coverage["popular"] < coverage["mixture"] < coverage["random"] == 1
