"""What recording activity costs the two reads: with a live Elasticsearch, and with one that is away."""

from benchmarks.bench_reads import GENRE, RECOMMENDATIONS
from benchmarks.measure import Context, Row, Web, row
from tests.servers.elasticsearch import CannotHaveError, ElasticsearchServer
from tetraflix.embedded.ports import free_port

ROUNDS = 4
READS = (("recommendations", RECOMMENDATIONS), ("genre", GENRE))


def run(context: Context) -> list[Row]:
    """CPU of web process and PostgreSQL, and the median wait, against the same server without activity."""
    context.seed()
    server = ElasticsearchServer(context.folder / "elasticsearch")
    try:
        server.start()
    except CannotHaveError as error:
        context.say(f"left out, no Elasticsearch: {error}")
        return []
    try:
        rows = _compared(context, "on", server.url)
    finally:
        server.kill()
    return rows + _compared(context, "on, Elasticsearch away", f"http://127.0.0.1:{free_port()}")


def _compared(context: Context, name: str, url: str) -> list[Row]:
    context.say(f"activity {name}, against off: least of {ROUNDS} rounds, by turns")
    with context.web() as without, context.web(environment={"ELASTICSEARCH_URL": url}) as recording:
        rows = []
        for read, path in READS:
            cpu: dict[int, list[float]] = {without.port: [], recording.port: []}
            waits: dict[int, list[float]] = {without.port: [], recording.port: []}
            for _ in range(ROUNDS):
                for web in (without, recording):
                    cpu[web.port].append(
                        web.cpu_of_a_request(path, numbers=context.users, seconds=context.seconds)
                    )
                    waits[web.port].append(_median_wait(context, web, path))
            rows += [
                row(
                    f"GET {read}, activity {name}: CPU",
                    min(cpu[recording.port]),
                    "us/request",
                    baseline=min(cpu[without.port]),
                    goal="<= 1.05",
                ),
                row(
                    f"GET {read}, activity {name}: p50, 1 connection",
                    min(waits[recording.port]),
                    "ms",
                    baseline=min(waits[without.port]),
                    goal="<= 1.05",
                ),
            ]
    return rows


def _median_wait(context: Context, web: Web, path: str) -> float:
    seen = web.load(path, numbers=context.users, connections=1, seconds=context.seconds / 2)
    return float(seen["p50"])
