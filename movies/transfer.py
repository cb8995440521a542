"""Files of movies, CSV and JSON lines: what a row means, and what is wrong with it. No Django.

Both forms have the same columns, so that an export imports as it is and changes nothing. CSV: a header line,
then id, title, hidden and the 15 genres, in any order. JSON lines: {"id", "title", "hidden", "profile"}.
`id` and `hidden` may be left out: then a row is a new movie, or the movie stays as visible as it is.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from movies.drafts import checked
from movies.genres import GENRES

COLUMNS = ("id", "title", "hidden", *GENRES)
NEEDED = ("title", *GENRES)
FORMATS = ("csv", "jsonl")
YES_OR_NO = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
LONGEST_LINE = 100_000  # characters; a row with a title of 300 has less than 2,000


class BadFile(ValueError):
    """The whole file cannot be read as one of movies; the message says where it goes wrong."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file: a movie as it is to be stored, or `errors` by column."""

    line: int
    movie_id: int | None = None
    title: str = ""
    profile: tuple[int, ...] = ()
    hidden: bool | None = None
    errors: dict[str, str] = field(default_factory=dict)


def format_of(file_name: str) -> str:
    """`csv` or `jsonl`, by the end of the name. Raises BadFile."""
    ending = file_name.rpartition(".")[2].lower()
    if ending not in {"csv", "jsonl", "ndjson"}:
        raise BadFile("The name of the file ends in .csv or .jsonl.")
    return "csv" if ending == "csv" else "jsonl"


def rows(chunks: Iterable[bytes], form: str) -> Iterator[Row]:
    """Each row of the file, good or bad, in bounded memory. Raises BadFile."""
    lines = _lines(chunks)
    return _csv_rows(lines) if form == "csv" else _json_rows(lines)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines of UTF-8 with their ends. Raises BadFile."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest, number = "", 0
    for chunk in _ended(chunks):
        try:
            text = rest + decoder.decode(chunk or b"", final=chunk is None)
        except UnicodeDecodeError:
            raise BadFile(f"The file is not UTF-8 text: see after line {number}.") from None
        if "\0" in text:
            raise BadFile(f"There is a NUL character after line {number}: is this a text file?")
        *whole, rest = text.split("\n")
        for line in whole:
            number += 1
            yield line + "\n"
        if len(rest) > LONGEST_LINE:
            raise BadFile(f"Line {number + 1} is longer than {LONGEST_LINE:,} characters.")
    if rest:
        yield rest


def _ended(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    yield from chunks
    yield None


def _csv_rows(lines: Iterator[str]) -> Iterator[Row]:
    header_line = next(lines, "")
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    header = [name.strip().lower() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
    _check_header(header)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2  # where the row begins, after the header
        try:
            values = next(reader, None)
        except csv.Error as error:
            raise BadFile(f"Line {line} is no row of CSV: {error}.") from None
        if values is None:
            return
        if not values:  # an empty line
            continue
        if len(values) != len(header):
            message = f"The row has {len(values)} values; the header names {len(header)} columns."
            yield Row(line, errors={"row": message})
            continue
        yield _csv_row(line, dict(zip(header, values, strict=True)))


def _check_header(header: list[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in header]
    twice = {name for name in header if header.count(name) > 1}
    if unknown or missing or twice:
        wrong = [
            f"{what}: {', '.join(sorted(names)[:20])}"
            for what, names in (("unknown", unknown), ("missing", missing), ("twice", twice))
            if names
        ]
        raise BadFile(
            f"The first line names the columns {', '.join(COLUMNS)} (id and hidden may be left out)."
            f" In this file: {'; '.join(wrong)}."
        )


def _csv_row(line: int, values: dict[str, str]) -> Row:
    errors: dict[str, str] = {}
    weights: list[int] = []
    for genre in GENRES:
        text = values[genre].strip()
        if not (text.isascii() and text.isdigit() and int(text[:9]) <= 100):
            errors[genre] = f"{_shown(text)} is no whole number from 0 to 100."
        else:
            weights.append(int(text[:9]))
    movie_id: Any = None
    if text := values.get("id", "").strip():
        movie_id = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text
    hidden: Any = None
    if text := values.get("hidden", "").strip().lower():
        hidden = YES_OR_NO.get(text, text)
    return _row(line, movie_id, values["title"], weights if not errors else None, hidden, errors)


def _json_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            value = orjson.loads(text)
        except ValueError:
            yield Row(line, errors={"row": "This is no JSON."})
            continue
        if not isinstance(value, dict):
            yield Row(line, errors={"row": "A row is a JSON object."})
            continue
        errors = {
            name: "There is no such column."
            for name in value
            if name not in ("id", "title", "hidden", "profile")
        }
        profile = value.get("profile")
        if profile is None:
            errors["profile"] = "A profile is needed."
        yield _row(line, value.get("id"), value.get("title"), profile, value.get("hidden"), errors)


def _row(line: int, movie_id: Any, title: Any, profile: Any, hidden: Any, errors: dict[str, str]) -> Row:
    fields = {"id": movie_id, "title": title}
    if hidden is not None:
        fields["hidden"] = hidden
    if profile is not None:
        fields["profile"] = profile
    good, bad = checked(fields)
    if bad or errors:
        return Row(line, errors=errors | bad)
    return Row(line, good["id"], good["title"], tuple(good["profile"]), good.get("hidden"))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 20 else text[:20] + "...")


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
