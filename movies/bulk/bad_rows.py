"""The bad rows of an import as a CSV file, so that they can be corrected beside it."""

import csv
import io
from collections.abc import Iterable, Iterator

from movies.bulk.exports import compressed
from movies.bulk.file_format import Row

COLUMNS = ("line", "column", "problem", "row")
MAX_ROWS = 100_000  # in the file; the job counts all


class BadRows:
    """Collects the bad rows of a file while it is checked."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str, str, str]] = []

    def noted(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows."""
        for row in rows:
            if row.errors and len(self._rows) < MAX_ROWS:
                self._rows += [(row.line, column, error, row.source) for column, error in row.errors.items()]
            yield row

    def file(self, problems: Iterable[tuple[int, str, str]]) -> Iterator[bytes]:
        """The gzip file, in order of the lines. `problems` adds those that only a comparison of rows finds."""
        known = {(line, column) for line, column, *_ in self._rows}
        more = [(*problem, "") for problem in problems if problem[:2] not in known]
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows(sorted([*self._rows, *more]))
        return compressed([text.getvalue().encode()])
