"""What request ids, metrics and page headers cost the two reads: the service with them against it without."""

from collections.abc import Callable

from benchmarks.measure import Context, Row, Web, clients_apart, least, row

# The difference is a few hundredths of what is measured. One process is faster than the next of the same code by
# as much, as its memory happens to lie: so the smallest of several processes, by turns, several times each.
STARTS = 4
ROUNDS = 3
READS = {"recommendations": "/tetraflix/recommendations/{}", "genre": "/tetraflix/genre/drama"}


def run(context: Context) -> list[Row]:
    """CPU per request of both, in the same run."""
    context.seed()
    context.say(f"each read, least of {ROUNDS} rounds in each of {STARTS} processes")
    figures = [_figures(context) for _ in range(STARTS)]
    return [
        row(
            f"GET {read}, watched (without = 1)",
            min(figure[read][0] for figure in figures),
            "us CPU",
            baseline=min(figure[read][1] for figure in figures),
            goal="<= 1.05",
        )
        for read in READS
    ]


def _figures(context: Context) -> dict[str, list[float]]:
    """CPU a request, watched and not, of two new processes."""
    unobserved = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings_unobserved"}
    with context.web() as watched, context.web(environment=unobserved) as bare:

        def cpu(web: Web, path: str) -> Callable[[], float]:
            return lambda: web.cpu_of_a_request(path, numbers=context.users, seconds=context.seconds / 2)

        with clients_apart(watched.pid, bare.pid, watched.postgres_pid):
            return {read: least(ROUNDS, cpu(watched, path), cpu(bare, path)) for read, path in READS.items()}
