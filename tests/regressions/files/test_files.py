"""Imports of files as spreadsheets, other programs and the admin's export write them."""

from pathlib import Path
from typing import Any

import pytest

from movies.bulk import jobs
from movies.bulk.file_format import COLUMNS, BadFile, lines_of, rows
from movies.genres import GENRES
from movies.models import Movie
from tests.movies.factories import profile

FILES = Path(__file__).parent / "samples"
HEADER = ",".join(COLUMNS)
ACTION = ",".join(["100", *["0"] * 14])
WEIGHTS = tuple(profile(action=100))


def checked(name: str, content: bytes) -> dict[str, Any]:
    """The result of checking a file."""
    return jobs.start_import(actor="staff:edith", file_name=name, chunks=[content]).result


def bad(content: bytes | str, form: str = "csv") -> str:
    """Why the whole file is refused."""
    data = content.encode() if isinstance(content, str) else content
    with pytest.raises(BadFile) as refused:
        list(rows([data], form))
    return str(refused.value)


def errors(*lines: str, form: str = "csv") -> list[tuple[int, dict[str, str]]]:
    """The bad rows of a file: line and errors."""
    return [(row.line, row.errors) for row in rows(["\n".join(lines).encode()], form) if row.errors]


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("cr-line-ends.csv", "A"),
        ("sep-line.csv", "A"),
        ("empty-last-row.csv", "A"),
        ("empty-columns.csv", "A"),
        ("blank-first-line.csv", "A"),
        ("blank-before-quote.csv", "Quoted Zed"),
        ("like-our-download.csv.gz", "A"),
    ],
)
def test_a_file_as_spreadsheets_save_it_is_read(db: None, file: str, title: str):
    """One new row without errors."""
    job = jobs.start_import(actor="staff:edith", file_name=file, chunks=[(FILES / file).read_bytes()])
    assert (job.state, job.result["rows"], job.result["bad"]) == ("ready", 1, 0), job.result
    jobs.confirm(job_id=job.pk, actor="staff:edith")
    assert list(Movie.objects.values_list("title", "hidden", "profile")) == [(title, False, list(WEIGHTS))]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_line_also_in_quotation_marks(end: str):
    """Line numbers count each of them once."""
    lines = [HEADER, f'1,"A{end}",,{ACTION}', f'2,"B{end}{end}C",,{ACTION}', f"3,D,,{ACTION}", "4"]
    for size in (1, 2, 3, 10_000):
        content = end.join(lines).encode()
        pieces = [content[place : place + size] for place in range(0, len(content), size)]
        found = [(row.line, row.title, list(row.errors)) for row in rows(pieces, "csv")]
        assert found == [(2, "A", []), (4, "", ["title"]), (7, "D", []), (8, "", ["title"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^"])
@pytest.mark.parametrize(
    "sep", ["sep={}", "SEP={}", '"sep={}"', "sep={},,,,", "\ufeffsep={}", "\n;;;\nsep={}\n,"]
)
def test_a_line_that_names_the_delimiter_is_not_a_row(sep: str, delimiter: str):
    """With any delimiter, and if a spreadsheet has written the line several times."""
    text = "\r\n".join([sep.format(delimiter), f"{HEADER}".replace(",", delimiter)])
    text += f"\r\n7,A,,{ACTION}".replace(",", delimiter)
    assert [(row.movie_id, row.title, row.errors) for row in rows([text.encode()], "csv")] == [(7, "A", {})]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER},,\n1,A,,{ACTION},,\n,,,\n\n  ,\t,\n2,B,,{ACTION}\n3,C,,{ACTION},,,,\n"
        + ",,,,,,,,,,,,,\n" * 3,
        f",{HEADER}\n,1,A,,{ACTION}\n,2,B,,{ACTION}\n" + '"",""\n' + f",3,C,,{ACTION}",
        f'\n \n,,\n"";"";""\n ID , Title,HIDDEN,{",".join(GENRES).upper()}\n'
        f'1 , "A" ,,{ACTION}\n 2,\t"B"\u00a0,,{ACTION}\n"3","C","",{ACTION.replace(",0", ", 0 ")}\n',
        f"title,{','.join(GENRES)},id,hidden\nA,{ACTION},1\nB,{ACTION},2,\nC,{ACTION},3",
    ],
)
def test_empty_rows_and_columns_and_blanks_are_ignored(text: str):
    """Empty rows, columns and files report no error."""
    found = [(row.movie_id, row.title, row.profile, row.errors) for row in rows([text.encode()], "csv")]
    assert found == [(number, title, WEIGHTS, {}) for number, title in ((1, "A"), (2, "B"), (3, "C"))]


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (' "Quoted, Zed"', "Quoted, Zed"),
        ('"a" ', "a"),
        (' "" ', None),
        ('"a ""b"" ,c" ', 'a "b" ,c'),
        ('6" gun', '6" gun'),
        ('6" gun, "x"', None),
        ('"=1+1"', "=1+1"),
        ("=1+1", "=1+1"),
    ],
)
def test_quotation_marks_with_blanks_around_them_do_not_belong_to_the_value(value: str, title: str | None):
    """A comma in a quoted title belongs to it; a quotation mark inside a value is an ordinary character."""
    (row,) = rows([f"{HEADER}\n1,{value},,{ACTION}\n".encode()], "csv")
    assert row.title == (title or "")
    assert bool(row.errors) == (title is None)


@pytest.mark.parametrize("word", ["TRUE", "WAHR", "vrai", "Yes", "1", " ИСТИНА "])
def test_a_logical_value_is_read_in_the_language_of_the_spreadsheet(word: str):
    """Excel writes true and false in the language that it displays."""
    assert [row.hidden for row in rows([f"{HEADER}\n1,A,{word},{ACTION}\n".encode()], "csv")] == [True]


def test_wrong_columns_are_named_with_their_position():
    """Errors quote what the header has."""
    assert bad("foo;bar\n").startswith(
        "Line 1 does not name the columns of a file of movies: unknown: 'foo' (column 1), 'bar'"
        " (column 2); missing: title, action, animation,"
    )
    text = bad(f"sep=,\n\n{HEADER.removesuffix('western')},title,\n")
    assert "Line 3 does not name the columns" in text
    assert "missing: western; repeated: title (columns 2 and 19); column 18 has no name." in text
    assert bad(lines_of([(1, "A", False, list(WEIGHTS))], "jsonl")) == (
        "Line 1 is JSON, but the name of the file says CSV: end it in .jsonl."
    )
    assert "The line is one column: separate columns by" in bad(HEADER.replace(",", " ") + "\n1 A 100\n")


def test_a_value_without_a_column_is_named_with_its_position():
    """Also when a comma in a title shifts the other values."""
    says = "the row has {} values, the header names {} columns. A value with a comma in it needs quotation marks."
    assert errors(f"{HEADER},,", f"1,A,,{ACTION},,x", f"2,B, again,,{ACTION}", f"3,C,,{ACTION}") == [
        (2, {"column 20": f"'x' is in a column without a name: {says.format(20, 18)}"}),
        (3, {"column 19": f"'0' is in a column without a name: {says.format(19, 18)}"}),
    ]
    assert errors(f",{HEADER}", f"0,1,A,,{ACTION}", f",1,A,,{ACTION}") == [
        (2, {"column 1": f"'0' is in a column without a name: {says.format(19, 19)}"})
    ]


def test_errors_of_csv_name_columns_of_the_csv():
    """No CSV has a column "profile"."""
    found = errors(
        HEADER,
        f"0,A,,{ACTION}",
        f"1.0,A,maybe,{ACTION}",
        f"1,,,{ACTION[:-1]}x",
        "1,A,," + ",".join(["40.0"] * 15),
        "1,A,," + ",".join(["0"] * 15),
        "1,A,,0,60,41" + ",0" * 12,
        f"1;A;;{ACTION.replace(',', ';')}",
        f"1,A,,{ACTION[:-2]}",
    )
    assert [(line, list(columns)) for line, columns in found] == [
        (2, ["id"]),
        (3, ["id", "hidden"]),
        (4, ["western", "title"]),
        (5, [*GENRES]),
        (6, ["action"]),
        (7, ["animation"]),
        (8, ["title"]),
        (9, ["western"]),
    ]
    sentences = dict(found)
    assert sentences[7]["animation"] == "The weights sum to 101, not 100: animation 60, comedy 41."
    assert sentences[8]["title"].endswith("Its values look separated by a semicolon, unlike the header.")
    assert sentences[9]["western"] == (
        "The row ends before this column: the row has 17 values, the header names 18 columns."
    )


def test_quotation_marks_that_do_not_match_are_named_with_the_row_where_they_begin():
    """And do not swallow the rest of the file."""
    good = f"1,A,,{ACTION}"
    assert bad(f'{HEADER}\n{good}\n2,"B,,{ACTION}\n{good}\n') == (
        "The row that begins in line 3 has a quotation mark that is not closed within 20 lines."
    )
    assert bad(f'{HEADER}\n{good}\n2,"B\n' + f"{good}\n" * 5_000) == (
        "The row that begins in line 3 has a quotation mark that is not closed within 20 lines."
    )
    assert bad(f'{HEADER}\n{good}\n2,"B "bold" one",,{ACTION}\n').startswith(
        'The row that begins in line 3 has text after the closing quotation mark of the value \'"B "bold" one"\''
    )
    assert bad(f'"{HEADER}\n').startswith("The row that begins in line 1 has a quotation mark")


def test_a_repeated_key_is_an_error_of_its_line(db: None):
    """Neither value is used."""
    result = checked("movies.jsonl", (FILES / "key-twice.jsonl").read_bytes())
    assert result["problems"] == [[1, "row", 'The line is not valid JSON: the key "id" is there twice.']]


@pytest.mark.parametrize(
    ("line", "column", "sentence"),
    [
        (
            '{"profile": {"action": 1, "action": 99}}',
            "row",
            'not valid JSON: the key "action" is there twice',
        ),
        ('{"id": NaN}', "row", "not valid JSON: NaN is not a number in JSON"),
        ('{"id": 1,}', "row", "not valid JSON: "),
        ('  {"id" 1}', "row", "Expecting ':' delimiter at character 9."),
        ("[" * 50_000, "row", "nested too deeply"),
        ("[]", "row", "The line is not a JSON object."),
        ('{"id": ' + "9" * 5_000 + "}", "row", "not valid JSON"),
        ('{"a\\u0000": 1}', "a\\x00", "There is no such column."),
        ('{"\\ud800": 1}', "\\ud800", "There is no such column."),
        ('{"profile": {"\\u0000": 1}}', "profile", "Unknown genre: \\x00"),
        ('{"title": "\\u0000"}', "title", "A title has no control characters"),
    ],
)
def test_a_bad_line_of_json_is_reported_with_the_reason(db: None, line: str, column: str, sentence: str):
    """No content of a line fails the job."""
    problems = checked("movies.jsonl", f"\n{line}\n".encode())["problems"]
    assert [problem[2] for problem in problems if problem[:2] == [2, column] and sentence in problem[2]], (
        problems
    )
