"""What request instrumentation (ids, metrics, page headers) costs the two reads, against the service without."""

from collections.abc import Callable

from benchmarks.measure import Context, Row, Web, clients_apart, least, row

# The difference is a few hundredths, and processes of the same code differ as much by the layout of their memory.
# So the minimum of several alternating processes counts.
STARTS = 4
ROUNDS = 3
READS = {"recommendations": "/tetraflix/recommendations/{}", "genre": "/tetraflix/genre/drama"}


def run(context: Context) -> list[Row]:
    """CPU per request with and without, in the same run."""
    context.seed()
    context.say(f"each read: minimum of {ROUNDS} rounds in each of {STARTS} processes")
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
    """CPU per request, with and without instrumentation, of two new processes."""
    unobserved = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings_unobserved"}
    with context.web() as watched, context.web(environment=unobserved) as bare:

        def cpu(web: Web, path: str) -> Callable[[], float]:
            return lambda: web.cpu_of_a_request(path, numbers=context.users, seconds=context.seconds / 2)

        with clients_apart(watched.pid, bare.pid, watched.postgres_pid):
            return {read: least(ROUNDS, cpu(watched, path), cpu(bare, path)) for read, path in READS.items()}
