"""Random facts about a few users around an experiment, for hypothesis: edges and equal times are common."""

from typing import Any

from hypothesis import strategies as st

from recommendations.experiments.plan import DEFAULT_ARMS, Arm, Plan
from tests.recommendations.experiments.facts import HOUR, START, Fact, Rating, Read, Watch

WINDOW = 2
ARMS = (*DEFAULT_ARMS, Arm("holdback", "popular", "modelled", 0.2))
PLAN = Plan("a seed", arms=ARMS, window_days=WINDOW, share=70)

names = st.sampled_from(PLAN.names)
# steps of 6 hours, so that equal times, times exactly at an edge, and times one step beside it are common
times = st.integers(-4 * 16, 4 * 10).map(lambda steps: START + steps * 6 * HOUR)
users = st.integers(1, 4)
movies = st.integers(1, 5)
lists = st.lists(movies, max_size=3, unique=True).map(tuple)
makers = st.sampled_from(["bus", "generated", "mixture", "popular"])
plain_reads = st.builds(Read, users, times, times, makers, movies=lists)
reads = st.builds(Read, users, times, times, st.just("mixture"), names, lists, lists)
groups = st.none() | st.sampled_from(["0", "1", "fixed", "holdback", "group B"])
watches = st.builds(Watch, users, movies, times, st.booleans(), st.none() | st.booleans(), groups)
ratings = st.builds(Rating, users, times)


def _consistent(facts: list[Fact]) -> list[Fact]:
    """The facts without reads that contradict an earlier one: reports of one list agree on what it is."""
    known: dict[Any, Any] = {}
    kept: list[Fact] = []
    for fact in facts:
        if isinstance(fact, Read):
            what = (fact.made_by, fact.arm, fact.movies, fact.other)
            if known.setdefault((fact.user, fact.made_at), what) != what:
                continue
        kept.append(fact)
    return kept


facts = st.lists(
    st.one_of(plain_reads, reads, reads, reads, watches, watches, watches, watches, ratings), max_size=40
).map(_consistent)
