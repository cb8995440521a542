"""`manage.py replay`: what it prints, what it refuses, and that running it again adds nothing."""

import json
import os
import signal
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from movies.models import Movie, View, ViewCount
from movies.profiles import to_wire
from sessions_ingest.replay import player as player_module
from tests.movies.factories import change_records, movie
from tests.servers.queues import Queues

pytestmark = pytest.mark.django_db(transaction=True)

RATINGS = [(user, film, 886_032_000 + 86_400 * film + user) for user in (1, 2, 3) for film in range(1, 9)]
WITHOUT_GENRE = (
    "1 of them without a genre: all 15 share their profile, so that their finishes count and say"
    " nothing about taste."
)


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T00:00:00Z")


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Three users rate the movies 1 to 8, a day apart; the file of movies lies beside it."""
    path = tmp_path / "ratings.dat"
    path.write_text("".join(f"{user}::{film}::5::{at}\n" for user, film, at in RATINGS))
    (tmp_path / "movies.dat").write_bytes(
        "".join(f"{film}::Misérables {film} (1995)::Drama|War\n" for film in range(1, 8)).encode("latin-1")
        + b"8::Plain::(no genres listed)\n"
    )
    return path


def replay(ratings: Path | None = None, **options: Any) -> list[str]:
    """The lines that the command prints, without the table of genres."""
    output = StringIO()
    call_command("replay", ratings=ratings, stdout=output, **options)
    lines = output.getvalue().splitlines()
    return (
        lines[next((at + 1 for at, line in enumerate(lines) if line.startswith("└")), 0) :]
        if ratings
        else lines
    )


def test_a_replay_says_what_it_did_and_running_it_again_adds_nothing(
    consuming: Queues, ratings: Path
) -> None:
    lines = replay(ratings)
    batch = lines[2].split()[1]
    assert lines == [
        "8 movies of movies.dat, found beside the ratings: 8 added, 0 in the inventory before and left as they were.",
        WITHOUT_GENRE,
        f"Batch {batch} can be reverted as one.",
        "24 ratings are finishes; 24 are played, 1998-01-30 to 1998-02-06, of 3 users.",
        "Played 24 finishes: 24 views counted, 0 were on record before.",
    ]
    stored = Movie.objects.get(id=3)
    assert (stored.title, to_wire(stored.profile)["drama"]) == ("Misérables 3 (1995)", 100)
    assert [action for (action,) in change_records("action")] == ["added"] * 8
    assert {str(batch) for (batch,) in change_records("batch")} == {batch}
    views = list(
        View.objects.order_by("user_id", "movie_id").values_list("user_id", "movie_id", "watched_at")
    )
    assert [(user, film, at.timestamp()) for user, film, at in views] == RATINGS

    again = replay(ratings)
    assert again == [
        "8 movies of movies.dat, found beside the ratings: 0 added, 8 in the inventory before and left as they were.",
        WITHOUT_GENRE,
        "24 ratings are finishes; 24 are played, 1998-01-30 to 1998-02-06, of 3 users.",
        "Played 24 finishes: 0 views counted, 24 were on record before.",
    ]
    assert len(change_records("id")) == 8
    assert dict(ViewCount.objects.values_list("movie_id", "views")) == dict.fromkeys(range(1, 9), 3)


def test_the_table_of_genres_is_printed(consuming: Queues, ratings: Path) -> None:
    output = StringIO()
    call_command("replay", ratings=ratings, stdout=output)
    table = output.getvalue().split("└")[0]
    rows = dict(line.strip("│ ").split("│") for line in table.splitlines() if line.startswith("│"))
    rows = {name.strip(): names.strip() for name, names in rows.items()}
    assert len(rows) == 16
    assert (rows["action"], rows["family"]) == ("Action, Adventure", "Children")
    assert (rows["international"], rows["none"]) == ("-", "IMAX, (no genres listed), unknown")


def test_from_and_until_choose_days_and_unknown_movies_are_skipped(consuming: Queues, ratings: Path) -> None:
    for film in (3, 4):
        movie(f"Mine {film}", movie_id=film)
    (ratings.parent / "movies.dat").unlink()
    assert replay(ratings, start=day("1998-01-31"), end=day("1998-02-04")) == [
        "No file of movies is given or beside ratings.dat: finishes of movies that the inventory has are played.",
        "24 ratings are finishes; 6 are played, 1998-02-01 to 1998-02-02, of 3 users.",
        "6 finishes are skipped, because the inventory does not have their movies.",
        "Played 6 finishes: 6 views counted, 0 were on record before.",
    ]


def test_finishes_that_are_too_old_to_be_counted_are_skipped(
    consuming: Queues, ratings: Path, settings: Any
) -> None:
    settings.VIEWS_KEPT_MONTHS = 12
    with pytest.raises(CommandError, match=r"^There is no finish to play\.$"):
        replay(ratings)
    assert not View.objects.exists()


def test_an_id_of_another_title_is_refused_and_nothing_changes(queues: Queues, ratings: Path) -> None:
    movie("The Matrix", movie_id=2)
    with pytest.raises(CommandError) as raised:
        replay(ratings)
    assert str(raised.value) == (
        "The inventory has other movies under ids of the file: movie 2 is 'The Matrix' there and"
        " 'Misérables 2 (1995)' in the file. Nothing was changed. A replay keeps the ids of the file, so it needs an"
        " inventory without other movies: start `make run` with TETRAFLIX_VAR set to a new folder, and run this"
        " command with the same TETRAFLIX_VAR."
    )
    assert Movie.objects.count() == 1


def test_a_movie_that_cannot_be_stored_is_named(queues: Queues, ratings: Path) -> None:
    (ratings.parent / "movies.dat").write_text("1::Good::Drama\n2::\x07::Drama\n")
    with pytest.raises(
        CommandError, match=r"^Movie 2, title: A title has no control characters .* Nothing was changed\.$"
    ):
        replay(ratings)
    assert not Movie.objects.exists()


def test_a_profile_that_staff_changed_is_left_as_it_is(consuming: Queues, ratings: Path) -> None:
    movie("Misérables 2 (1995)", movie_id=2, western=100)
    assert replay(ratings)[0].endswith("7 added, 1 in the inventory before and left as they were.")
    assert to_wire(Movie.objects.get(id=2).profile)["western"] == 100


def test_ctrl_c_stops_and_the_same_command_goes_on(
    consuming: Queues, ratings: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(player_module, "WINDOW", 10)
    wait = player_module.Player._wait_for_the_queue

    def interrupted(player: player_module.Player) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        wait(player)

    monkeypatch.setattr(player_module.Player, "_wait_for_the_queue", interrupted)
    before = signal.getsignal(signal.SIGINT)
    assert replay(ratings, evaluate=True)[-1] == (
        "Stopped after 10 of 24 finishes. The same command goes on from there."
    )
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.setattr(player_module.Player, "_wait_for_the_queue", wait)
    (position,) = (settings.VAR_DIR / "replay").iterdir()
    resumed, done = replay(ratings)[-2:]
    assert resumed == (
        f"Goes on at finish 10 of 24, where an earlier run stopped ({position}; without this file it begins at the"
        " start)."
    )
    assert done.startswith("Played 24 finishes: ")
    assert View.objects.count() == 24
    assert not position.exists()


def test_finishes_that_do_not_become_views_are_an_error(
    queues: Queues, ratings: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR = tmp_path / "var"
    monkeypatch.setattr("sessions_ingest.replay.record.WAIT_SECONDS", 0.0)
    with pytest.raises(CommandError) as raised:
        replay(ratings)
    (position,) = (settings.VAR_DIR / "replay").iterdir()
    assert str(raised.value) == (
        "24 finishes are no views yet: does the worker run? See `manage.py status`."
        f" Delete {position} and run this command again to play all of them."
    )


def test_an_evaluation_can_be_run_alone(consuming: Queues, ratings: Path) -> None:
    replay(ratings)
    lines = replay(evaluate=True, json=True)
    assert lines[0].strip() == "9 finishes of 3 users"
    assert [line.split("│")[1].strip() for line in lines if line.startswith("│")] == [
        "mixture", "mixture_fixed", "euclid", "euclid_fixed", "popular", "random",
        "mixture - popular", "popular - euclid",
    ]  # fmt: skip
    assert "MovieLens is rated in bursts" in lines[-2]
    figures = json.loads(lines[-1])
    assert list(figures) == ["strategies", "finishes"]
    assert figures["finishes"] == 9
    assert {tuple(one) for one in figures["strategies"].values()} == {
        ("hr20", "low", "high", "ndcg20", "coverage")
    }
    assert figures["strategies"]["popular"]["low"] <= figures["strategies"]["popular"]["hr20"]


def test_from_and_until_choose_what_is_evaluated(consuming: Queues, ratings: Path) -> None:
    replay(ratings)
    # each user's eighth finish is on 1998-02-06
    assert replay(evaluate=True, start=day("1998-02-06"))[0].strip() == "3 finishes of 3 users"
    assert replay(evaluate=True, end=day("1998-02-06"))[0].strip() == "6 finishes of 3 users"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Name the ratings to play (--ratings FILE), or --evaluate what was played."),
        (["--evaluate", "--speed", "2"], "--movies and --speed need --ratings FILE."),
        (["--ratings", "u.data", "--json"], "--json needs --evaluate."),
        (["--ratings", "u.data", "--experiment", "x"], "--experiment needs --evaluate."),
        (
            ["--evaluate", "--experiment", "x", "--from", "1998-02-02"],
            "--experiment counts all views: leave --from and --until out.",
        ),
        (["--evaluate", "--experiment", "x"], "There is no view to make an experiment of."),
        (
            ["--evaluate", "--from", "1998-02-02", "--until", "1998-02-02"],
            "--until must be later than --from.",
        ),
        (["--ratings", "absent/u.data"], "absent/u.data cannot be read: No such file or directory."),
        (["--ratings", "x", "--speed", "0"], "Error: argument --speed: '0' is not a number above 0"),
        (["--ratings", "x", "--from", "1998"], "Error: argument --from: '1998' is not a day like 1998-04-22"),
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str], sentence: str) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("replay", *options, stdout=StringIO())
    assert str(raised.value) == sentence
