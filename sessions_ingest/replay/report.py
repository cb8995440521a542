"""Shows a replay and its evaluation to people, as tables and sentences, and the evaluation to programs, as JSON."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from movies.genres import GENRES
from recommendations.experiments.analysis import verdict
from sessions_ingest.replay.inventory import Added
from sessions_ingest.replay.measures import Evaluation, Interval
from sessions_ingest.replay.movielens import FileMovie, Finishes
from sessions_ingest.replay.movielens_genres import GENRE_OF
from sessions_ingest.replay.record import Countable

MEANING = (
    "HR@20 is the share of finishes whose movie was among the 20 of the list just before. NDCG@20 counts a hit in the"
    " first place as 1, and in the twentieth as 0.23. Coverage is the share of visible movies that were on any list."
    " The first 5 finishes of each user are not measured. Intervals hold at 95%, for users like these.",
    "MovieLens is rated in bursts, after the viewing. So these figures rank designs; they forecast no hit rate of a"
    " running service. More in docs/replay.md.",
)


def genre_table() -> Table:
    """Which of the 15 each genre of MovieLens is."""
    table = Table("Genre here", "MovieLens' genres", title="Genres")
    names = defaultdict(list)
    for name, genre in GENRE_OF.items():
        names[genre].append(name)
    for genre in GENRES:
        table.add_row(genre, ", ".join(names[genre]) or "-")
    table.add_row("none", f"{', '.join(names[None])}, (no genres listed), unknown")
    return table


def added(path: Path, given: bool, movies: Sequence[FileMovie], result: Added) -> str:
    """What was done with a file of movies."""
    found = "" if given else ", found beside the ratings"
    without = sum(1 for movie in movies if not movie.genres)
    lines = [
        f"{len(movies):,} movies of {path.name}{found}: {result.added:,} added, {result.present:,} in the inventory"
        " before and left as they were.",
        f"{without:,} of them without a genre: all 15 share their profile, so that their finishes count and say"
        " nothing about taste.",
    ]
    if result.batch:
        lines.append(f"Batch {result.batch} can be reverted as one.")
    return "\n".join(lines)


def chosen(read: Finishes, countable: Countable, kept_months: int) -> str:
    """Which finishes are played, and which are not."""
    finishes = countable.finishes
    lines = [f"{len(read):,} ratings are finishes; {len(finishes):,} are played{_span(finishes)}."]
    if countable.of_unknown_movies:
        lines.append(
            f"{countable.of_unknown_movies:,} finishes are skipped, because the inventory does not have their movies."
        )
    if countable.too_old:
        lines.append(
            f"{countable.too_old:,} finishes are skipped, because they are older than the {kept_months} months of"
            " VIEWS_KEPT_MONTHS."
        )
    return "\n".join(lines)


def _span(finishes: Finishes) -> str:
    if not len(finishes):
        return ""
    first, last = (datetime.fromtimestamp(int(finishes.times[end]), UTC) for end in (0, -1))
    return f", {first:%Y-%m-%d} to {last:%Y-%m-%d}, of {len(set(finishes.user_ids.tolist())):,} users"


def strategy_table(evaluation: Evaluation) -> Table:
    """A row for each strategy."""
    table = Table("Strategy", title=f"{evaluation.finishes:,} finishes of {evaluation.users:,} users")
    for heading in ("HR@20", "95% interval", "NDCG@20", "95% interval", "Coverage"):
        table.add_column(heading, justify="right")
    for name, measured in evaluation.strategies.items():
        hits, ndcg = measured.hit_rate, measured.ndcg
        table.add_row(
            name,
            f"{hits.value:.4f}",
            _bounds(hits),
            f"{ndcg.value:.4f}",
            _bounds(ndcg),
            f"{measured.coverage:.1%}",
        )
    return table


def difference_table(evaluation: Evaluation) -> Table:
    """A row for each pair of strategies, compared on the same finishes."""
    table = Table("Difference in HR@20, paired")
    for heading in ("", "95% interval", ""):
        table.add_column(heading, justify="right")
    for (better, worse), difference in evaluation.differences.items():
        verdict = "excludes 0" if difference.low > 0 or difference.high < 0 else "includes 0"
        table.add_row(f"{better} - {worse}", f"{difference.value:+.4f}", _bounds(difference), verdict)
    return table


def experiment_table(report: Mapping[str, Any]) -> Table:
    """A row for each arm: its matured users, their finishes in the window, and how many were recommended."""
    table = Table("Arm", title=f"Experiment {report['name']}: {report['verdict']}")
    for heading in ("Users", "Finishes", "Recommended", "a user", "Lift", "of finishes", "Lift"):
        table.add_column(heading, justify="right")
    metrics = {metric["key"]: metric["arms"] for metric in report["metrics"]}
    for place, arm in enumerate(report["arms"]):
        mean, share = metrics["recommended"][place], metrics["kpi"][place]
        table.add_row(
            arm["name"],
            f"{share['users']:,}",
            f"{share['denominator']:,}",
            f"{share['numerator']:,}",
            "-" if mean["value"] is None else f"{mean['value']:.2f}",
            _lift(mean),
            "-" if share["value"] is None else f"{share['value']:.4f}",
            _lift(share),
        )
    return table


def _lift(numbers: Mapping[str, Any]) -> str:
    if numbers["lift"] is None:
        return ""
    return str(verdict.Interval(numbers["lift"], numbers["low"], numbers["high"]))


def as_json(evaluation: Evaluation, experiment: Mapping[str, Any] | None = None) -> str:
    """One line, as the contract has it; with the report on the experiment if there is one."""
    strategies = {
        name: {
            "hr20": measured.hit_rate.value,
            "low": measured.hit_rate.low,
            "high": measured.hit_rate.high,
            "ndcg20": measured.ndcg.value,
            "coverage": measured.coverage,
        }
        for name, measured in evaluation.strategies.items()
    }
    found: dict[str, Any] = {"strategies": strategies, "finishes": evaluation.finishes}
    return json.dumps(found if experiment is None else found | {"experiment": experiment})


def _bounds(interval: Interval) -> str:
    return f"{interval.low:.4f} to {interval.high:.4f}"
