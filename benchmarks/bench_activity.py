"""What recording activity costs the two reads, with Elasticsearch available and unavailable."""

from functools import partial

from benchmarks.bench_reads import GENRE, RECOMMENDATIONS
from benchmarks.measure import Context, Row, Web, least, row
from tests.servers.java.elasticsearch import ElasticsearchServer
from tests.servers.java.maven import UnavailableError
from tetraflix.embedded.ports import free_port

# Processes of the same code differ in speed, as in bench_operations.
STARTS = 3
ROUNDS = 2
WARM_SECONDS = 10  # of requests before measuring: a new JVM compiles on the measured cores
READS = (("recommendations", RECOMMENDATIONS), ("genre", GENRE))


def run(context: Context) -> list[Row]:
    """CPU of web process and PostgreSQL, and median latency, against the same server without activity."""
    context.seed()
    server = ElasticsearchServer(context.folder / "elasticsearch")
    try:
        server.start()
    except UnavailableError as error:
        context.say(f"skipped, no Elasticsearch: {error}")
        return []
    try:
        rows = _compared(context, "on", server.url)
    finally:
        server.kill()
    return rows + _compared(context, "on, Elasticsearch unavailable", f"http://127.0.0.1:{free_port()}")


def _compared(context: Context, name: str, url: str) -> list[Row]:
    context.say(
        f"activity {name}, against off: minimum of {ROUNDS} rounds in each of {STARTS} processes, alternating"
    )
    figures = [_figures(context, url) for _ in range(STARTS)]

    def least_of(read: str, measure: int, web: int) -> float:
        return min(figure[read][measure][web] for figure in figures)

    return [
        row(
            f"GET {read}, activity {name}: {what}",
            least_of(read, measure, 1),
            unit,
            baseline=least_of(read, measure, 0),
            goal="<= 1.05",
        )
        for read, _ in READS
        for measure, (what, unit) in enumerate((("CPU", "us/request"), ("p50, 1 connection", "ms")))
    ]


def _figures(context: Context, url: str) -> dict[str, list[list[float]]]:
    """For each read: CPU off and on, median latency off and on, of two new processes."""
    with context.web() as without, context.web(environment={"ELASTICSEARCH_URL": url}) as recording:
        webs = (without, recording)
        recording.load(GENRE, seconds=WARM_SECONDS)
        return {
            read: [
                least(ROUNDS, *(partial(_cpu, context, web, path) for web in webs)),
                least(ROUNDS, *(partial(_median_wait, context, web, path) for web in webs)),
            ]
            for read, path in READS
        }


def _cpu(context: Context, web: Web, path: str) -> float:
    return web.cpu_of_a_request(path, numbers=context.users, seconds=context.seconds / 2)


def _median_wait(context: Context, web: Web, path: str) -> float:
    seen = web.load(path, numbers=context.users, connections=1, seconds=context.seconds / 2)
    return float(seen["p50"])
