"""Files of everything behind an experiment's page: the report, and its users with their days."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
from django.http import Http404, HttpResponseBase, StreamingHttpResponse

from recommendations.experiments.report import report, users
from recommendations.models import Experiment

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a text begins that a spreadsheet would compute
ROWS_A_CHUNK = 500
Row = Mapping[str, Any]


def download(experiment: Experiment, file: str) -> HttpResponseBase:
    """One of FILES, row by row, in bounded memory."""
    if file not in FILES:
        raise Http404(f"The files of an experiment are {', '.join(FILES)}.")
    content_type, content = FILES[file]
    return StreamingHttpResponse(
        content(experiment.name),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{experiment.name}-{file}"'},
    )


def csv_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """CSV with a header line. Texts that begin like a formula get a ' in front, so that no spreadsheet runs them."""
    text = io.StringIO()
    writer = csv.writer(text)
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow([_harmless(value) for value in row.values()])
        if number % ROWS_A_CHUNK == 0:
            yield _taken(text)
    yield _taken(text)


def json_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON object a line."""
    for row in rows:
        yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _report(name: str) -> Iterator[bytes]:
    yield orjson.dumps(report(name), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _without_days(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield {name: value for name, value in row.items() if name != "days"}


def _days(rows: Iterable[Row]) -> Iterator[Row]:
    """A row for each day of each user."""
    for row in rows:
        for day in row["days"]:
            yield {"user_id": row["user_id"], "arm": row["arm"], **day}


def _taken(text: io.StringIO) -> bytes:
    content = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return content


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


FILES: dict[str, tuple[str, Callable[[str], Iterator[bytes]]]] = {
    "report.json": ("application/json", _report),
    "users.csv": ("text/csv; charset=utf-8", lambda name: csv_lines(_without_days(users(name)))),
    "days.csv": ("text/csv; charset=utf-8", lambda name: csv_lines(_days(users(name)))),
    "users.jsonl": ("application/x-ndjson", lambda name: json_lines(users(name))),
}
