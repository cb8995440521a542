"""The two client reads, against views that answer a constant of the same size, with and without middleware."""

from collections.abc import Callable

import psycopg2

from benchmarks.measure import Context, Row, Web, clients_apart, least, row

# Many and short, because other load slows a read that waits for PostgreSQL more than the constant view.
ROUNDS = 12
CONNECTIONS = (1, 16, 64)
RECOMMENDATIONS = "/tetraflix/recommendations/{}"
GENRE = "/tetraflix/genre/drama"

# Every user gets 20 + 20 movies, the largest read there is. Each list was read before, as those of hot reads are.
FULL_LISTS = """
UPDATE recommendations_userlists SET
    recommended = ARRAY(SELECT 1 + (hashint8(user_id * 64 + n)::bigint & 2147483647) % %(movies)s
                        FROM generate_series(1, 20) AS n),
    watching = ARRAY(SELECT 1 + (hashint8(user_id * 64 + n)::bigint & 2147483647) % %(movies)s
                     FROM generate_series(21, 40) AS n),
    progress = array_fill(0.35::float8, ARRAY[20]),
    watched_at = array_fill(now(), ARRAY[20]),
    read_at = recommended_at
"""


def run(context: Context) -> list[Row]:
    context.seed()
    fill_lists(context)
    rows = []
    with context.web() as web, clients_apart(web.pid, web.postgres_pid):
        context.say(f"CPU per request, minimum of {ROUNDS} rounds")
        rows += cpu_rows(context, web)
    with context.web(workers=2) as web:
        rows += speed_rows(context, web)
    return rows


def fill_lists(context: Context) -> None:
    """Gives each user 20 random movies in either list."""
    context.say("20 + 20 movies for every user")
    connection = psycopg2.connect(context.postgres.url)
    with connection, connection.cursor() as cursor:
        cursor.execute(FULL_LISTS.replace("%(movies)s", str(context.movies)))
    connection.close()
    context.sql("VACUUM FULL ANALYZE recommendations_userlists")
    context.sql("CHECKPOINT")


def cpu_rows(context: Context, web: Web) -> list[Row]:
    def cpu(path: str, numbers: int = 1) -> Callable[[], float]:
        return lambda: web.cpu_of_a_request(path, numbers=numbers, seconds=context.seconds / 2)

    mean = sum(len(web.get(RECOMMENDATIONS.format(user))) for user in range(1, 21)) // 20
    size = len(web.get(GENRE))
    constant, lean, recommendations, constant_20, lean_20, genre = least(
        ROUNDS,
        cpu(f"/constant/{mean}"),
        cpu(f"/lean/{mean}"),
        cpu(RECOMMENDATIONS, context.users),
        cpu(f"/constant/{size}"),
        cpu(f"/lean/{size}"),
        cpu(GENRE),
    )
    return [
        row(
            f"GET recommendations (20 + 20 movies; {context.movies:,} movies, {context.users:,} users): CPU",
            recommendations,
            "us/request",
            baseline=constant,
            goal="<= 3.2",
        ),
        row("GET genre (20 movies): CPU", genre, "us/request", baseline=constant_20, goal="<= 1.8"),
        row(
            "GET recommendations: CPU against a view without middleware",
            recommendations,
            "us/request",
            baseline=lean,
            goal="<= 2.8",
        ),
        row(
            "GET genre: CPU against a view without middleware",
            genre,
            "us/request",
            baseline=lean_20,
            goal="<= 1.9",
        ),
    ]


def speed_rows(context: Context, web: Web) -> list[Row]:
    rows = []
    for name, path, numbers in (("recommendations", RECOMMENDATIONS, context.users), ("genre", GENRE, 1)):
        for connections in CONNECTIONS:
            seen = web.load(path, numbers=numbers, connections=connections, seconds=context.seconds)
            about = f"GET {name}, 2 processes, {connections} connections"
            rows.append(row(f"{about}: requests", seen["requests"] / seen["seconds"], "1/s"))
            rows += [row(f"{about}: p{part}", seen[f"p{part}"], "ms") for part in (50, 95, 99)]
    return rows
