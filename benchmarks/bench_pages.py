"""Pages of the admin: CPU time of the web process and size of the page, at any size of the inventory."""

import statistics
import time

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.measure import Context, Row, row
from movies.models import Movie

MEASURED, FIRST = 7, 2  # requests of each page, after the first ones, which load templates
LIST = "/admin/movies/movie/"
MAX_CPU_MS, MAX_KB = 40, 100  # of the list of movies
PLAIN_FILES = "django.contrib.staticfiles.storage.StaticFilesStorage"


def run(context: Context) -> list[Row]:
    context.seed()
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": PLAIN_FILES}}
    client = Client()
    client.force_login(User.objects.create_superuser("benchmark"))
    middle = Movie.objects.filter(pk__gte=context.movies // 2).earliest("pk").pk
    rows = measured(client, "50 movies", LIST, goals=True)
    for name, path in {
        "50 movies with Western, by title": f"{LIST}?genre=western&o=2",
        "50 movies by views": f"{LIST}?views_from=1000&views_to=100000",
        "movies searched": f"{LIST}?q=lord of the rigns",
        "form of a movie": f"{LIST}{middle}/change/",
        "history of a movie": f"{LIST}{middle}/history/",
        "history": "/admin/movies/moviechange/",
        "bulk jobs": "/admin/movies/job/",
        "dashboard": "/admin/",
        "users": "/admin/recommendations/userlists/",
        "a user": "/admin/recommendations/userlists/7/",
    }.items():
        rows += measured(client, name, path)
    return rows


def measured(client: Client, name: str, path: str, *, goals: bool = False) -> list[Row]:
    """Rows of the page: the median of its CPU time, its size, and its statements."""
    for _ in range(FIRST):
        client.get(path)
    taken = []
    for _ in range(MEASURED):
        began = time.process_time()
        answer = client.get(path)
        taken.append(1000 * (time.process_time() - began))
        assert answer.status_code == 200, (path, answer.status_code)
    with CaptureQueriesContext(connection) as sent:
        client.get(path)
    title, kilobytes = f"page of staff: {name}", len(answer.content) / 1000
    return [
        row(title, statistics.median(taken), "ms CPU", goal=f"<= {MAX_CPU_MS}" if goals else ""),
        row(title, kilobytes, "KB", goal=f"<= {MAX_KB}" if goals else ""),
        row(title, len(sent), "statements", goal="<= 10"),
    ]
