"""Files of movies, CSV and JSON lines: what a row means, and what is wrong with it. No Django.

Both forms have the same columns, so that an export imports as it is and changes nothing. CSV: a header line,
then id, title, hidden and the 15 genres, in any order. JSON lines: {"id", "title", "hidden", "profile"}.
`id` and `hidden` may be left out: then a row is a new movie, or the movie stays as visible as it is.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson

from movies.bulk.csv_file import DELIMITERS, delimiter_of, records
from movies.bulk.text_file import BadFile, numbered_lines, shown
from movies.foundation import strict_json
from movies.foundation.numbers import whole_number
from movies.genres import GENRES
from movies.inventory.validation import MAX_MOVIE_ID, checked
from movies.profiles import TOTAL

COLUMNS = ("id", "title", "hidden", *GENRES)
NEEDED = ("title", *GENRES)
FORMATS = ("csv", "jsonl")
WRITTEN = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}  # what a file is, by the end of its name
READ = {**WRITTEN, "tsv": "csv", "txt": "csv"}  # what separates the values is seen in the file
NAMED = 20  # wrong columns that a message names
MAX_ERROR_LENGTH = 400
PLAIN_WEIGHTS = {str(weight): weight for weight in range(TOTAL + 1)}  # a look-up reads most weights of a file
JSON_PLACE = re.compile(r"(?: at)?: line 1 column (\d+) \(char \d+\)")  # the decoder knows one line only
JSON_PLACE_SHOWN = r" at character \1"
# A spreadsheet takes true and false for logical values, and writes them in the language of its user.
TRUE = (
    "true 1 yes wahr vrai verdadero vero verdadeiro waar sant sand sann tosi prawda pravda igaz истина doğru"
)
FALSE = (
    "false 0 no falsch faux falso onwaar falskt falsk usann epätosi fałsz nepravda hamis ложь yanlış yanliş"  # noqa: RUF001
)
YES_OR_NO = dict.fromkeys(TRUE.split(), True) | dict.fromkeys(FALSE.split(), False)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file: a movie as it is to be stored, or `errors` by column."""

    line: int
    movie_id: int | None = None
    title: str = ""
    profile: tuple[int, ...] = ()
    hidden: bool | None = None
    errors: dict[str, str] = field(default_factory=dict)


def format_of(file_name: str, endings: Mapping[str, str] = READ) -> str:
    """`csv` or `jsonl`, by the end of the name without `.gz`. Raises BadFile."""
    _, dot, ending = file_name.lower().removesuffix(".gz").rpartition(".")
    if not dot or ending not in endings:
        known = ", ".join(f".{one}" for one in endings)
        raise BadFile(f"The name {file_name[-40:]!r} does not end in any of {known} (each also with .gz).")
    return endings[ending]


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
    places = [header.index(name) if name in header else -1 for name in COLUMNS]
    pick: Callable[[Sequence[str]], Sequence[str]] = itemgetter(*places)
    while not header[-1]:  # a spreadsheet may leave thousands of them
        del header[-1]
    nameless = "" in header
    for line, values in table:
        if not any(map(str.strip, values)):  # an empty row
            continue
        if (nameless or len(values) != len(header)) and (errors := _misplaced(header, values, delimiter)):
            yield Row(line, errors=errors)
            continue
        values.extend([""] * (1 + max(0, len(header) - len(values))))  # one more: for columns left out
        yield _csv_row(line, pick(values))


def _check_header(line: int, header: list[str]) -> None:
    """Raises BadFile with all that is wrong with the names of the columns."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header, 1):
        places.setdefault(name, []).append(place)
    nameless = places.pop("", [])
    unknown = [f"{shown(name)} (column {found[0]})" for name, found in places.items() if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in places]
    twice = [
        f"{name} (columns {' and '.join(map(str, found[:NAMED]))})"
        for name, found in places.items()
        if name in COLUMNS and len(found) > 1
    ]
    wrong = [
        f"{what}: {', '.join(names[:NAMED])}"
        for what, names in (("unknown", unknown), ("missing", missing), ("there more than once", twice))
        if names
    ]
    if not wrong:
        return
    if missing and nameless:
        wrong.append(f"column {nameless[0]} has no name")
    hint = ""
    if len(header) == 1:
        hint = " This is one column only: columns are separated by a comma, a semicolon, a tab or a |."
    raise BadFile(
        f"The columns that line {line} names are not those of a file of movies: {'; '.join(wrong)}.{hint}"
        f" A file has the columns {', '.join(COLUMNS)}, in any order; id and hidden may be left out."
    )


def _misplaced(header: list[str], values: list[str], delimiter: str) -> dict[str, str]:
    """What is wrong with a row that may have values without a column, or columns without a value."""
    counts = f"the row has {len(values)} values, the header names {len(header)} columns."
    for place, value in enumerate(values):
        if value.strip() and not (place < len(header) and header[place]):
            needs = f"A value with {DELIMITERS.get(delimiter, delimiter)} in it needs quotation marks."
            return {f"column {place + 1}": f"{shown(value)} is in a column without a name: {counts} {needs}"}
    if absent := [name for name in NEEDED if name not in header[: len(values)]]:
        name = min(absent, key=header.index)
        return {name: f"The row ends before this column: {counts}{_other_delimiter(values, len(header))}"}
    return {}


def _other_delimiter(values: list[str], columns: int) -> str:
    """A hint for a row that is one value, because it is not separated as the header is."""
    found = [
        what for one, what in DELIMITERS.items() if len(values) == 1 and values[0].count(one) == columns - 1
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
    visible = YES_OR_NO.get(hidden.lower())
    if hidden and visible is None:
        errors["hidden"] = f"{shown(hidden)} is not true or false."
    good, bad = checked({"title": title})
    if errors or bad:
        return Row(line, errors=errors | bad)
    return Row(line, number, good["title"], tuple(read), visible)


def _wrong_sum(weights: list[int]) -> dict[str, str]:
    """Said of the first column that counts, as each of them may be the wrong one."""
    some = {genre: weight for genre, weight in zip(GENRES, weights, strict=True) if weight} or {GENRES[0]: 0}
    named = ", ".join(f"{genre} {weight}" for genre, weight in some.items())
    return {next(iter(some)): f"The weights sum to {sum(weights)}, not {TOTAL}: {named}."}


def _json_rows(lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
    for line, text in lines:
        if not text.strip():
            continue
        try:
            value = strict_json.loads(text[:-1])
        except strict_json.BadJson as error:
            yield _bad(line, {"row": f"The line is {JSON_PLACE.sub(JSON_PLACE_SHOWN, str(error))}."})
            continue
        if not isinstance(value, dict):
            yield _bad(line, {"row": "The line is not a JSON object."})
            continue
        yield _json_row(line, value)


def _json_row(line: int, value: dict[str, Any]) -> Row:
    unknown = [name for name in value if name not in ("id", "title", "hidden", "profile")]
    errors = dict.fromkeys(unknown[:NAMED], "There is no such column.")
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


def _bad(line: int, errors: dict[str, str]) -> Row:
    return Row(line, errors={_printable(column): _printable(error) for column, error in errors.items()})


def _printable(text: str) -> str:
    """Text of a file, in a message: short, and without what the database cannot keep in JSON (a NUL)."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:MAX_ERROR_LENGTH])


def heading(form: str) -> bytes:
    """What a file begins with."""
    return (",".join(COLUMNS) + "\r\n").encode() if form == "csv" else b""


def lines_of(movies: Iterable[tuple[int, str, bool, list[int]]], form: str) -> bytes:
    """Rows of a file: movies as (id, title, hidden, weights)."""
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
