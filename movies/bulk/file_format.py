"""The format of files of movies, CSV and JSON lines: writes rows, reads them and reports their errors. No Django.

Both have the same columns, so that importing an export changes nothing. CSV: a header line with id, title, hidden
and the 15 genres, in any order. JSON lines: {"id", "title", "hidden", "profile"}. `id` and `hidden` are optional: a
row without an id is a new movie, and one without `hidden` leaves the movie as visible as it is.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import orjson

from movies.bulk.csv_file import DELIMITERS, delimiter_of, records
from movies.bulk.text_file import BadFile, numbered_lines, shown
from movies.foundation import strict_json
from movies.foundation.numbers import whole_number
from movies.genres import GENRES
from movies.inventory.validation import MAX_MOVIE_ID, checked
from movies.profiles import TOTAL

COLUMNS = ("id", "title", "hidden", *GENRES)
REQUIRED = ("title", *GENRES)
FORMATS = ("csv", "jsonl")
EXPORT_EXTENSIONS = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}  # the format by the extension
IMPORT_EXTENSIONS = {**EXPORT_EXTENSIONS, "tsv": "csv", "txt": "csv"}  # the delimiter is found in the file
MAX_NAMED = 20  # wrong columns that a message names
MAX_ERROR_LENGTH = 400
MAX_SOURCE_LENGTH = 2_000
PLAIN_WEIGHTS = {str(weight): weight for weight in range(TOTAL + 1)}  # reads most weights by one look-up
JSON_POSITION = re.compile(r"(?: at)?: line 1 column (\d+) \(char \d+\)")  # the decoder sees one line only
JSON_POSITION_SHOWN = r" at character \1"
# Spreadsheets read true and false as logical values, and write them in the language of the user.
TRUE = (
    "true 1 yes wahr vrai verdadero vero verdadeiro waar sant sand sann tosi prawda pravda igaz истина doğru"
)
FALSE = (
    "false 0 no falsch faux falso onwaar falskt falsk usann epätosi fałsz nepravda hamis ложь yanlış yanliş"  # noqa: RUF001
)
BOOLEANS = dict.fromkeys(TRUE.split(), True) | dict.fromkeys(FALSE.split(), False)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file: a movie to store, or `errors` by column."""

    line: int
    movie_id: int | None = None
    title: str = ""
    profile: tuple[int, ...] = ()
    hidden: bool | None = None
    errors: dict[str, str] = field(default_factory=dict)
    source: str = field(default="", compare=False)  # the text of a bad row


def format_of(file_name: str, extensions: Mapping[str, str] = IMPORT_EXTENSIONS) -> str:
    """`csv` or `jsonl`, by the extension before any `.gz`. Raises BadFile."""
    _, dot, extension = file_name.lower().removesuffix(".gz").rpartition(".")
    if not dot or extension not in extensions:
        known = ", ".join(f".{known}" for known in extensions)
        raise BadFile(f"The name {file_name[-40:]!r} does not end in any of {known} (each also with .gz).")
    return extensions[extension]


def rows(chunks: Iterable[bytes], form: str) -> Iterator[Row]:
    """Each row of the file, good or bad, in bounded memory. Raises BadFile."""
    lines = numbered_lines(chunks)
    return _csv_rows(lines) if form == "csv" else _json_rows(lines)


def _csv_rows(lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
    delimiter, lines = delimiter_of(lines, COLUMNS)
    table = records(lines, delimiter)
    line, names = next(table)
    header = [name.strip().lower() for name in names]
    _check_header(line, header)
    positions = [header.index(name) if name in header else -1 for name in COLUMNS]
    pick: Callable[[Sequence[str]], Sequence[str]] = itemgetter(*positions)
    while not header[-1]:  # a spreadsheet may write thousands of empty columns
        del header[-1]
    nameless = "" in header
    for line, values in table:
        if not any(map(str.strip, values)):  # an empty row
            continue
        if (nameless or len(values) != len(header)) and (errors := _misplaced(header, values, delimiter)):
            yield _with_source(Row(line, errors=errors), delimiter.join(values))
            continue
        given = len(values)
        values.extend([""] * (1 + max(0, len(header) - len(values))))  # one more, which absent columns read
        row = _csv_row(line, pick(values))
        yield _with_source(row, delimiter.join(values[:given])) if row.errors else row


def _check_header(line: int, header: list[str]) -> None:
    """Raises BadFile that lists every error in the names of the columns."""
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(header, 1):
        columns.setdefault(name, []).append(column)
    nameless = columns.pop("", [])
    unknown = [f"{shown(name)} (column {found[0]})" for name, found in columns.items() if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in columns]
    repeated = [
        f"{name} (columns {' and '.join(map(str, found[:MAX_NAMED]))})"
        for name, found in columns.items()
        if name in COLUMNS and len(found) > 1
    ]
    wrong = [
        f"{what}: {', '.join(names[:MAX_NAMED])}"
        for what, names in (("unknown", unknown), ("missing", missing), ("repeated", repeated))
        if names
    ]
    if not wrong:
        return
    if missing and nameless:
        wrong.append(f"column {nameless[0]} has no name")
    hint = ""
    if len(header) == 1:
        hint = " The line is one column: separate columns by a comma, a semicolon, a tab or a |."
    raise BadFile(
        f"Line {line} does not name the columns of a file of movies: {'; '.join(wrong)}.{hint}"
        f" A file has the columns {', '.join(COLUMNS)}, in any order; id and hidden are optional."
    )


def _misplaced(header: list[str], values: list[str], delimiter: str) -> dict[str, str]:
    """Errors of a row that may have values without a column, or columns without a value."""
    counts = f"the row has {len(values)} values, the header names {len(header)} columns."
    for position, value in enumerate(values):
        if value.strip() and not (position < len(header) and header[position]):
            hint = f"A value with {DELIMITERS.get(delimiter, delimiter)} in it needs quotation marks."
            return {
                f"column {position + 1}": f"{shown(value)} is in a column without a name: {counts} {hint}"
            }
    if absent := [name for name in REQUIRED if name not in header[: len(values)]]:
        name = min(absent, key=header.index)
        return {name: f"The row ends before this column: {counts}{_other_delimiter(values, len(header))}"}
    return {}


def _other_delimiter(values: list[str], columns: int) -> str:
    """A hint for a row that is one value, because its delimiter is not that of the header."""
    found = [
        name
        for character, name in DELIMITERS.items()
        if len(values) == 1 and values[0].count(character) == columns - 1
    ]
    return f" Its values look separated by {found[0]}, unlike the header." if found else ""


def _csv_row(line: int, values: Sequence[str]) -> Row:
    movie_id, title, hidden = (value.strip() for value in values[:3])
    texts = values[3:]
    weights = [*map(PLAIN_WEIGHTS.get, texts)]
    errors: dict[str, str] = {}
    if None in weights:
        weights = [whole_number(text.strip(), least=0, most=TOTAL) for text in texts]
    read = [weight for weight in weights if weight is not None]
    if len(read) < len(GENRES):
        errors = {
            genre: f"{shown(text)} is not a whole number from 0 to {TOTAL}."
            for genre, text, weight in zip(GENRES, texts, weights, strict=True)
            if weight is None
        }
    elif sum(read) != TOTAL:
        errors = _wrong_sum(read)
    number = whole_number(movie_id, most=MAX_MOVIE_ID)
    if movie_id and number is None:
        errors["id"] = f"{shown(movie_id)} is not a whole number from 1 to {MAX_MOVIE_ID}."
    visible = BOOLEANS.get(hidden.lower())
    if hidden and visible is None:
        errors["hidden"] = f"{shown(hidden)} is not true or false."
    good, bad = checked({"title": title})
    if errors or bad:
        return Row(line, errors=errors | bad)
    return Row(line, number, good["title"], tuple(read), visible)


def _wrong_sum(weights: list[int]) -> dict[str, str]:
    """Reported for the first nonzero column, because any of them may be the wrong one."""
    nonzero = {genre: weight for genre, weight in zip(GENRES, weights, strict=True) if weight} or {
        GENRES[0]: 0
    }
    named = ", ".join(f"{genre} {weight}" for genre, weight in nonzero.items())
    return {next(iter(nonzero)): f"The weights sum to {sum(weights)}, not {TOTAL}: {named}."}


def _json_rows(lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
    for line, text in lines:
        if not text.strip():
            continue
        row = _json_row(line, text[:-1])
        yield _with_source(row, text[:-1]) if row.errors else row


def _json_row(line: int, text: str) -> Row:
    try:
        value = strict_json.loads(text)
    except strict_json.BadJson as error:
        return _bad(line, {"row": f"The line is {JSON_POSITION.sub(JSON_POSITION_SHOWN, str(error))}."})
    if not isinstance(value, dict):
        return _bad(line, {"row": "The line is not a JSON object."})
    unknown = [name for name in value if name not in ("id", "title", "hidden", "profile")]
    errors = dict.fromkeys(unknown[:MAX_NAMED], "There is no such column.")
    fields = {"id": value.get("id"), "title": value.get("title")}
    if value.get("hidden") is not None:
        fields["hidden"] = value["hidden"]
    if value.get("profile") is not None:
        fields["profile"] = value["profile"]
    else:
        errors["profile"] = "A profile is needed."
    good, bad = checked(fields)
    if bad or errors:
        return _bad(line, errors | bad)
    return Row(line, good["id"], good["title"], tuple(good["profile"]), good.get("hidden"))


def _with_source(row: Row, source: str) -> Row:
    return replace(row, source=source[:MAX_SOURCE_LENGTH])


def _bad(line: int, errors: dict[str, str]) -> Row:
    return Row(line, errors={_printable(column): _printable(error) for column, error in errors.items()})


def _printable(text: str) -> str:
    """Text of a file for a message: short, and without NUL, which the database cannot store in JSON."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:MAX_ERROR_LENGTH])


def heading(form: str) -> bytes:
    """The start of a file: the header line of CSV; JSON lines have none."""
    return (",".join(COLUMNS) + "\r\n").encode() if form == "csv" else b""


def lines_of(movies: Iterable[tuple[int, str, bool, list[int]]], form: str) -> bytes:
    """Rows of a file, from movies as (id, title, hidden, weights)."""
    if form == "jsonl":
        return b"".join(
            orjson.dumps(
                {
                    "id": movie_id,
                    "title": title,
                    "hidden": hidden,
                    "profile": dict(zip(GENRES, weights, strict=True)),
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for movie_id, title, hidden, weights in movies
        )
    text = io.StringIO()
    csv.writer(text).writerows(
        (movie_id, title, "true" if hidden else "false", *weights)
        for movie_id, title, hidden, weights in movies
    )
    return text.getvalue().encode()
