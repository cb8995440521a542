"""What request ids, metrics and page headers cost the two reads: the service with them against it without."""

from functools import partial

from benchmarks.measure import Context, Row, least, row

ROUNDS = 6  # the difference is a hundredth of what is measured: the smallest of several by turns


def run(context: Context) -> list[Row]:
    """CPU per request of both, in the same run."""
    context.seed()
    unobserved = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings_unobserved"}
    reads = {
        "GET recommendations": ("/tetraflix/recommendations/{}", context.users),
        "GET genre": ("/tetraflix/genre/drama", 1),
    }
    rows = []
    with context.web() as watched, context.web(environment=unobserved) as bare:
        for name, (path, numbers) in reads.items():
            ask = [
                partial(web.cpu_of_a_request, path, numbers=numbers, seconds=context.seconds)
                for web in (watched, bare)
            ]
            with_it, without = least(ROUNDS, *ask)
            rows.append(
                row(f"{name}, watched (without = 1)", with_it, "us CPU", baseline=without, goal="<= 1.05")
            )
    return rows
