"""`manage.py recommend` makes lists now, and says what it did and what it did not."""

import io
import re

import pytest
from django.core.management import CommandError, call_command

from recommendations import stores
from tests.recommendations.recommender.test_refresh import USER, from_the_bus, report, some_movies


def recommend(*words: str) -> str:
    out = io.StringIO()
    call_command("recommend", *words, stdout=out)
    return re.sub(r"in [\d.]+ s", "in N s", out.getvalue())


def test_some_users(store, settings):
    settings.RECOMMEND_SECONDS = 0
    made = some_movies(5)
    report(USER, made[0])
    from_the_bus(8, made[1])

    answer = recommend("--users", str(USER), "8", "9")

    assert answer.endswith(
        " lists by mixture made in N s.\n"
        "2 users have a list of the bus that is held, or neither a finish nor preferences.\n"
    )
    kept = stores.current().read(USER)
    assert kept
    assert kept.recommended_by == "mixture"


def test_all_users(transactional_db, settings):
    settings.RECOMMEND_SECONDS, settings.RECOMMENDER = 0, "popular"
    made = some_movies(3)
    report(USER, made[2])

    assert recommend("--all") == "4 lists by popular made in N s.\n"

    kept = stores.current().read(USER)
    assert kept
    assert (kept.recommended, kept.recommended_by) == ((made[0].id, made[1].id), "popular")


def test_the_report_says_how_concentrated_the_lists_are(transactional_db, settings):
    settings.RECOMMENDER = "off"
    made = some_movies(3)
    from_the_bus(8, made[1])

    answer = recommend("--report")

    assert "bus" in answer
    assert "3 visible movies." in " ".join(answer.split())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "Name users (--users 5783 ...) or --all, or ask for the --report."),
        (("--users", "5783", "x"), "A user is a whole number from 1 to 9223372036854775807."),
        (("--users", "0"), "A user is a whole number from 1 to 9223372036854775807."),
    ],
)
def test_what_cannot_be_done_is_said(words, error):
    with pytest.raises(CommandError) as raised:
        recommend(*words)
    assert str(raised.value) == error


def test_a_recommender_that_is_off_makes_nothing(settings):
    settings.RECOMMENDER = "off"
    with pytest.raises(CommandError) as raised:
        recommend("--all")
    assert str(raised.value) == "RECOMMENDER is off: set it to mixture, euclid or popular to make lists."
