"""Properties of imports: an export saved by a spreadsheet changes nothing, and any other file gets a reason."""

import csv
import gzip
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movies.bulk.csv_file import DELIMITERS, records
from movies.bulk.file_format import BadFile, heading, lines_of, rows
from movies.inventory.validation import MAX_MOVIE_ID, checked

LINE_ENDS = ("\n", "\r\n", "\r")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")
ODD = [
    "=1+1",
    "'x",
    '"',
    '""',
    'a "b" c',
    "a,b;c\td|e",
    "sep=;",
    '" ,"',
    "\\N",
    "-",
    "0",
    "true",
    "{}",
    "\ufeffA",
]
anything = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40)
pieces_of_csv = st.text("\"',;|\t a\\", min_size=1, max_size=12)


def stored(title: str) -> bool:
    """Whether the inventory stores the title unchanged."""
    return checked({"title": title}) == ({"title": title}, {})


@st.composite
def inventories(draw: Any) -> list[tuple[int, str, bool, list[int]]]:
    ids = draw(st.lists(st.integers(1, MAX_MOVIE_ID), min_size=1, max_size=6, unique=True))
    titles = (st.sampled_from(ODD) | pieces_of_csv | anything).filter(stored)
    shares = [draw(st.permutations([draw(st.integers(0, 100))] + [0] * 13)) for _ in ids]
    return [
        (movie_id, draw(titles), draw(st.booleans()), [*share, 100 - sum(share)])
        for movie_id, share in zip(ids, shares, strict=True)
    ]


@st.composite
def saved(draw: Any, table: list[list[str]]) -> bytes:
    """The table as a spreadsheet may save it."""
    order = draw(st.permutations(range(len(table[0]))))
    case = draw(st.sampled_from([str.lower, str.upper, str.title]))
    lines = [[row[place] for place in order] for row in [[*map(case, table[0])], *table[1:]]]
    for place in sorted(draw(st.lists(st.integers(0, len(order)), max_size=3)), reverse=True):
        lines = [[*line[:place], "", *line[place:]] for line in lines]
    delimiter = draw(st.sampled_from([*DELIMITERS]))
    empty = st.sampled_from(["", " ", delimiter * len(lines[0]), f'""{delimiter}""', f" {delimiter}\t"])
    blanks = st.sampled_from(["", "", " ", "  ", "\u00a0"] + ["\t"] * (delimiter != "\t"))
    quotes_all = draw(st.booleans())

    def value(text: str) -> str:
        if quotes_all or delimiter in text or '"' in text or draw(st.booleans()):
            text = '"' + text.replace('"', '""') + '"'
        return draw(blanks) + text + draw(blanks)

    written = [delimiter.join(map(value, line)) for line in lines]
    written = [one for line in written for one in (*draw(st.lists(empty, max_size=1)), line)]
    written += draw(st.lists(empty, max_size=3))
    if draw(st.booleans()):
        written.insert(0, f"sep={delimiter}")
    text = "".join(line + draw(st.sampled_from(LINE_ENDS)) for line in written)
    if draw(st.booleans()):
        text = re.sub(r"[\r\n]+\Z", "", text)
    content = text.encode(draw(st.sampled_from(ENCODINGS)))
    return gzip.compress(content) if draw(st.booleans()) else content


def in_pieces(content: bytes, size: int) -> list[bytes]:
    return [content[place : place + size] for place in range(0, len(content), size)]


@given(st.data(), inventories(), st.integers(1, 200))
def test_an_export_saved_by_a_spreadsheet_changes_nothing(data: Any, movies: Any, size: int):
    """Any delimiter, line ends, quotation marks, blanks, empty rows and columns."""
    export = (heading("csv") + lines_of(movies, "csv")).decode()
    content = data.draw(saved(list(csv.reader(io.StringIO(export, newline="")))))
    found = [
        (row.movie_id, row.title, row.hidden, [*row.profile]) for row in rows(in_pieces(content, size), "csv")
    ]
    assert found == [(movie_id, title, hidden, weights) for movie_id, title, hidden, weights in movies]


@settings(max_examples=300)
@given(st.text('ab",;\n', max_size=20), st.sampled_from([",", ";"]))
def test_csv_is_read_as_by_the_csv_module(text: str, delimiter: str):
    """Except for blanks around quotation marks."""
    lines = [line + "\n" for line in text.split("\n")]
    try:
        expected = [row or [""] for row in csv.reader(lines, delimiter=delimiter, strict=True)]
    except csv.Error:
        expected = None
    try:
        found = [values for _, values in records(iter(list(enumerate(lines, 1))), delimiter)]
    except BadFile:
        found = None
    assert found == expected


@st.composite
def broken(draw: Any, form: str) -> bytes:
    """A valid file with arbitrary bytes inserted."""
    content = heading(form) + lines_of(draw(inventories()), form)
    for _ in range(draw(st.integers(0, 3))):
        place, length = draw(st.integers(0, len(content))), draw(st.integers(0, 5))
        junk = draw(
            st.binary(max_size=20) | st.sampled_from([b'"', b"\r", b"\0", b'"a":1,', b"\\ud800", b"NaN"])
        )
        content = content[:place] + junk + content[place + length :]
    compressed = draw(
        st.sampled_from([lambda text: text, gzip.compress, lambda text: gzip.compress(text)[:-1]])
    )
    return compressed(content)


@given(st.data(), st.sampled_from(["csv", "jsonl"]), st.integers(1, 500))
def test_any_file_is_read_as_rows_or_refused_with_a_reason(data: Any, form: str, size: int):
    """The database can store the reason."""
    content = data.draw(st.binary(max_size=300) | broken(form))
    said: list[str] = []
    try:
        for row in rows(in_pieces(content, size), form):
            said += [*row.errors, *row.errors.values()]
            assert row.line >= 1
            assert row.errors or stored(row.title)
    except BadFile as error:
        said.append(str(error))
    assert all(one.isprintable() and json.dumps(one) for one in said), said


@settings(max_examples=200)
@given(
    st.text('xé",\r\n', max_size=60),
    st.sampled_from([b"\xff", b"\xe9,", b"\0"]),
    st.integers(1, 50),
    st.sampled_from(["csv", "jsonl"]),
)
def test_bytes_that_are_not_text_are_reported_with_their_line(before: str, junk: bytes, size: int, form: str):
    """Counts line ends of any kind; unless an earlier row is not CSV."""
    start = heading("csv") + (before + "x").encode()
    number = len(re.findall(rb"\r\n|\r|\n", start)) + 1
    with pytest.raises(BadFile, match=rf"^Line {number} |quotation mark"):
        list(rows(in_pieces(start + junk + b"\n1,A\n", size), form))
