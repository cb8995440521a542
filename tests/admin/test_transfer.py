"""Imports and exports: bad rows are named, an import applies as a whole, and an export imports unchanged."""

import csv
import gzip
import html
import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import set_wait_callback
from psycopg2.extras import wait_select

from movies.bulk import imports, job_handlers, jobs
from movies.bulk.file_format import COLUMNS, Row, heading, lines_of, rows
from movies.genres import GENRES
from movies.inventory.validation import MAX_MOVIE_ID
from movies.models import ImportRow, Job, JobChunk, Movie, MovieChange
from tests.movies.factories import change_records, movie, profile
from tests.movies.titles import is_title

UPLOAD = "/admin/movies/movie/import/"
HEADER = ",".join(COLUMNS)
ACTION = ",".join(["100", *["0"] * 14])
DRAMA = ",".join(str(weight) for weight in profile(drama=100))


def file(*lines: str, name: str = "movies.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, "".join(f"{line}\n" for line in lines).encode())


def upload(client: Client, *lines: str, name: str = "movies.csv") -> tuple[Job, str]:
    """The job, and the page with the result of checking the file."""
    response = client.post(UPLOAD, {"file": file(*lines, name=name)}, follow=True)
    job = Job.objects.latest("created")
    assert response.redirect_chain == [(f"/admin/movies/job/{job.pk}/", 302)]
    return job, response.content.decode()


def next_id() -> int:
    """The id that the database assigns next."""
    return movie("Last of all").pk + 1


def exported(client: Client, form: str) -> tuple[Any, bytes]:
    """The response with the file, and the decompressed file."""
    made: Any = client.post(f"/admin/movies/movie/export/{form}")
    response = client.get(f"{made.url}download", headers={"Accept-Encoding": "gzip, br"})
    return response, gzip.decompress(response.content)


def inventory() -> list[tuple[Any, ...]]:
    return list(Movie.objects.order_by("id").values_list("id", "title", "hidden", "profile"))


def test_a_file_is_previewed_then_applied_as_one_batch(editor: Client):
    movie("Kahaani", movie_id=1, action=100)
    movie("Same", movie_id=2, hidden=True, action=100)
    lines = [
        HEADER,
        f'1,"Kahaani, again",true,{DRAMA}',
        f"2,Same,,{ACTION}",
        f"{(given := next_id() + 5)},Under its id,false,{ACTION}",
        f",Under the next,no,{ACTION}",
    ]
    job, page = upload(editor, *lines)
    result = {"rows": 4, "bad": 0, "new": 2, "changed": 1, "unchanged": 1, "problems": []}
    assert (job.state, job.result) == ("ready", result)
    assert "<li>Title: <del>Kahaani</del> → <ins>Kahaani, again</ins></li>" in page
    assert [row[1] for row in inventory()] == ["Kahaani", "Same", "Last of all"]

    editor.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert inventory() == [
        (1, "Kahaani, again", True, profile(drama=100)),
        (2, "Same", True, profile(action=100)),
        (given - 6, "Last of all", False, profile(action=100)),
        (given, "Under its id", False, profile(action=100)),
        (given + 1, "Under the next", False, profile(action=100)),
    ]
    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"new": 2, "changed": 1, "unchanged": 1})
    assert change_records("movie_id", "action", "actor", batch=job.pk) == [
        (1, "deleted", "staff:edith"),
        (given, "added", "staff:edith"),
        (given + 1, "added", "staff:edith"),
    ]
    assert (ImportRow.objects.count(), JobChunk.objects.count()) == (0, 0)


def test_a_web_process_which_bounds_its_waits_checks_and_applies_a_small_file(editor: Client):
    """psycopg2 refuses COPY in a process with a wait callback, which a web process has."""
    set_wait_callback(wait_select)
    try:
        job, _ = upload(editor, HEADER, f",Kahaani,,{ACTION}")
        editor.post(f"/admin/movies/job/{job.pk}/confirm/")
    finally:
        set_wait_callback(None)
    job.refresh_from_db()
    assert (job.state, Movie.objects.count()) == ("done", 1)


def test_bad_rows_are_named_by_line_and_column_and_nothing_is_applied(editor: Client):
    movie("Kahaani", movie_id=1, action=100)
    job, page = upload(
        editor,
        HEADER,
        f"1,Renamed,false,{ACTION}",
        f"2,Two lines,false,{ACTION[:-1]}1",
        f"x,,maybe,{DRAMA.replace('100', '100.0')}",
    )
    assert (job.state, job.result["bad"], job.result["problems"]) == (
        "failed",
        2,
        [
            [3, "action", "The weights sum to 101, not 100: action 100, western 1."],
            [4, "drama", "'100.0' is not a whole number from 0 to 100."],
            [4, "hidden", "'maybe' is not true or false."],
            [4, "id", "'x' is not a whole number from 1 to 9007199254740991."],
            [4, "title", "A title is needed."],
        ],
    )
    for shown in (
        "Nothing was applied.",
        '3</td><td data-label="Column">action</td>',
        '4</td><td data-label="Column">drama</td>',
    ):
        assert shown in page
    file = editor.get(f"/admin/movies/job/{job.pk}/download")
    assert file["Content-Disposition"].endswith('.csv.gz"')
    assert list(csv.reader(io.StringIO(gzip.decompress(file.content).decode()))) == [
        ["line", "column", "problem", "row"],
        [
            "3",
            "action",
            "The weights sum to 101, not 100: action 100, western 1.",
            f"2,Two lines,false,{ACTION[:-1]}1",
        ],
        *(
            ["4", column, sentence, f"x,,maybe,{DRAMA.replace('100', '100.0')}"]
            for _, column, sentence in job.result["problems"][1:]
        ),
    ]
    editor.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert inventory() == [(1, "Kahaani", False, profile(action=100))]
    assert ImportRow.objects.count() == 0


def test_a_repeated_id_is_a_bad_row(editor: Client):
    job, _ = upload(editor, HEADER, f"5,One,,{ACTION}", f"6,Two,,{ACTION}", f"5,Three,,{ACTION}")
    assert job.result["problems"] == [[4, "id", "Movie 5 is in line 2 already."]]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        (
            "movies.xls",
            b"x",
            "does not end in any of .csv, .jsonl, .ndjson, .tsv, .txt (each also with .gz).",
        ),
        ("movies.csv", b"title,polka\n", "unknown: &#x27;polka&#x27; (column 2)"),
        ("movies.csv", b"\n", "The file is empty."),
        (
            "movies.csv",
            f"{HEADER}\n1,K\xe4,,".encode("latin-1"),
            "Line 2 is not UTF-8 text: its byte 4 is 0xE4",
        ),
        ("movies.csv", f'{HEADER}\n1,"open\n'.encode(), "The row that begins in line 2 has a quotation mark"),
        ("movies.csv", f"{HEADER}\n".encode(), "There is no row in this file."),
        ("movies.jsonl", b'{"title": "\x00"}\n', "Line 1 has a NUL character"),
        ("movies.jsonl", b"x" * 200_000, "Line 1 is longer"),
    ],
)
def test_a_file_that_is_not_of_movies_is_refused_with_the_reason(
    editor: Client, name: str, content: bytes, error: str
):
    page = editor.post(UPLOAD, {"file": SimpleUploadedFile(name, content)}, follow=True)
    assert error in page.content.decode()
    assert Movie.objects.count() == 0
    assert not Job.objects.exclude(state="failed").exists()


def test_rows_without_ids_get_ids_that_no_row_has(editor: Client):
    one = next_id()
    job, _ = upload(
        editor, HEADER, f",First,,{ACTION}", f"{one},Given,,{ACTION}", f"{one + 1},Given too,,{ACTION}"
    )
    editor.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert [row[:2] for row in inventory()][1:] == [
        (one, "Given"),
        (one + 1, "Given too"),
        (one + 2, "First"),
    ]


def test_an_import_is_reverted_as_one(boss: Client):
    movie("Kahaani", movie_id=1, action=100)
    before = inventory()
    job, _ = upload(boss, HEADER, f"1,Else,true,{DRAMA}", f",New,,{ACTION}")
    boss.post(f"/admin/movies/job/{job.pk}/confirm/")
    batch = f"/admin/movies/moviechange/batch/{job.pk}/"
    assert "1 movie that it added will be deleted." in boss.post(batch).content.decode()
    assert len(inventory()) == 2
    boss.post(batch, {"sure": "yes"})
    assert inventory() == before
    assert "Reverted by staff:boss" in boss.get(f"/admin/movies/job/{job.pk}/").content.decode()
    assert "“staff:boss imported 2 movies, 1 of them new, from movies.csv”" in html.unescape(
        boss.get("/admin/movies/job/").content.decode()
    )


def test_a_preview_shows_the_rows_of_one_kind_a_page_at_a_time(
    viewer: Client, editor: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(imports, "PREVIEW_ROWS", 2)
    movie("Kahaani", movie_id=1, action=100)
    movie("Same", movie_id=2, action=100)
    new = [f",New {number},,{ACTION}" for number in range(3)]
    job, _ = upload(editor, HEADER, f"1,Kahaani,true,{DRAMA}", f"2,Same,,{ACTION}", *new)
    address = f"/admin/movies/job/{job.pk}/"

    def shown(query: str) -> list[tuple[int, str]]:
        return [(row["line"], row["kind"]) for row in viewer.get(address + query).context["rows"]]

    assert shown("") == [(2, "changed"), (3, "unchanged")]
    assert shown("?kind=new") == [(4, "new"), (5, "new")]
    assert shown(viewer.get(f"{address}?kind=new").context["next"]) == [(6, "new")]
    assert shown("?kind=changed&after=2") == []
    assert shown("?kind=x&after=y") == [(2, "changed"), (3, "unchanged")]
    assert viewer.get(address).content.decode().count("<b>old</b>") == 1


def test_an_import_is_applied_once_or_discarded(editor: Client):
    job, _ = upload(editor, HEADER, f",New,,{ACTION}")
    editor.post(f"/admin/movies/job/{job.pk}/drop/")
    editor.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert (Movie.objects.count(), ImportRow.objects.count()) == (0, 0)
    job, _ = upload(editor, HEADER, f",New,,{ACTION}")
    for _ in range(2):
        editor.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert Movie.objects.count() == 1


def test_a_large_file_is_checked_and_applied_by_the_worker(editor: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "MAX_INLINE_BYTES", 10)
    monkeypatch.setattr(jobs, "MAX_INLINE_MOVIES", 1)
    monkeypatch.setattr(job_handlers, "CHUNK_BYTES", 100)  # rows are cut in the middle
    job, page = upload(editor, HEADER, *(f",Größe {number},,{ACTION}" for number in range(30)))
    assert f'data-progress="/admin/movies/job/{job.pk}/progress.json"' in page
    assert JobChunk.objects.count() > 10
    jobs.run_waiting()
    editor.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert Movie.objects.count() == 0
    jobs.run_waiting()
    assert [row[1] for row in inventory()] == [f"Größe {number}" for number in range(30)]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_imports_as_it_is_and_changes_nothing(boss: Client, form: str):
    movie("Kahaani", movie_id=1, action=60, western=40)
    movie('"Quoted", and; more\'', movie_id=7, hidden=True)
    movie("=1+1 \\N Ω 映画", movie_id=9)
    before, last = inventory(), MovieChange.objects.latest("id").pk
    response, content = exported(boss, form)
    assert response["Content-Disposition"].endswith(f'.{form}"')
    assert response["Content-Encoding"] == "gzip"
    upload_ = SimpleUploadedFile(f"m.{form}", content)
    boss.post(UPLOAD, {"file": upload_})
    job = Job.objects.get(kind="import")
    assert job.result | {"problems": []} == {
        "rows": 3, "bad": 0, "new": 0, "changed": 0, "unchanged": 3, "problems": [],
    }  # fmt: skip
    boss.post(f"/admin/movies/job/{job.pk}/confirm/")
    assert (inventory(), MovieChange.objects.latest("id").pk) == (before, last)
    Movie.objects.all().delete()
    boss.post(UPLOAD, {"file": SimpleUploadedFile(f"m.{form}", content)})
    boss.post(f"/admin/movies/job/{Job.objects.latest('created').pk}/confirm/")
    assert inventory() == before


def test_an_export_has_the_columns_that_the_page_names(viewer: Client):
    movie("Kahaani", movie_id=1, action=100)
    content = exported(viewer, "csv")[1].decode()
    assert list(csv.reader(io.StringIO(content))) == [
        ["id", "title", "hidden", *GENRES],
        ["1", "Kahaani", "false", "100", *["0"] * 14],
    ]
    assert viewer.post("/admin/movies/movie/export/xml").status_code == 404
    assert viewer.get("/admin/movies/movie/export/csv").status_code == 405


def test_the_worker_writes_an_export_which_is_kept_for_a_day(viewer: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "MAX_INLINE_MOVIES", -1)
    movie("Kahaani", movie_id=1, action=100)
    made: Any = viewer.post("/admin/movies/movie/export/jsonl")
    assert viewer.get(f"{made.url}download").status_code == 404
    jobs.run_waiting()
    assert "<b>1</b> movies" in viewer.get(made.url).content.decode()
    plain = viewer.get(f"{made.url}download")
    assert plain["Content-Type"] == "application/gzip"
    assert plain["Content-Disposition"].endswith('.jsonl.gz"')
    assert gzip.decompress(plain.content) == lines_of([(1, "Kahaani", False, profile(action=100))], "jsonl")
    Job.objects.update(updated="2020-01-01T00:00:00Z")
    jobs.clean_up()
    assert viewer.get(f"{made.url}download").status_code == 404


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_commands_do_the_same(db: None, tmp_path: Path, capsys: Any, form: str):
    movie("Kahaani", movie_id=1, action=100)
    path = tmp_path / f"movies.{form}"
    call_command("export_movies", str(path))
    assert capsys.readouterr().out == f"1 movies written to {path}.\n"
    Movie.objects.update(title="Else")
    call_command("import_movies", str(path), check=True)
    assert capsys.readouterr().out == "1 rows: 0 new, 1 changed, 0 unchanged, 0 bad.\n"
    assert Movie.objects.get().title == "Else"
    call_command("import_movies", str(path))
    assert Movie.objects.get().title == "Kahaani"
    batch = MovieChange.objects.latest("id").batch
    assert capsys.readouterr().out.splitlines()[-1] == f"Done; batch {batch} can be reverted as one."


def test_the_command_names_bad_rows_and_fails(db: None, tmp_path: Path, capsys: Any):
    path = tmp_path / "movies.csv"
    path.write_text(f"{HEADER}\n,,,{ACTION}\n")
    with pytest.raises(CommandError, match=r"^The file has bad rows. Nothing was changed.$"):
        call_command("import_movies", str(path))
    assert "line 2, title: A title is needed.\n" in capsys.readouterr().err
    with pytest.raises(CommandError, match="There is no file"):
        call_command("import_movies", str(tmp_path / "none.csv"))


def test_old_jobs_and_unconfirmed_imports_are_cleaned_up(editor: Client):
    job, _ = upload(editor, HEADER, f",New,,{ACTION}")
    old = Job.objects.create(
        id=uuid.uuid4(), kind="hide", state="done", actor="staff:x", created="2020-01-01T00:00:00Z"
    )
    Job.objects.filter(pk=job.pk).update(updated="2020-01-01T00:00:00Z")
    assert jobs.clean_up() == 1
    job.refresh_from_db()
    assert (job.state, ImportRow.objects.count()) == ("dropped", 0)
    assert not Job.objects.filter(pk=old.pk).exists()


titles = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=300).filter(
    is_title
)


@given(
    titles,
    st.booleans(),
    st.sampled_from(["csv", "jsonl"]),
    st.integers(1, MAX_MOVIE_ID),
    st.integers(0, 100),
    st.integers(1, 7),
)
def test_any_movie_is_unchanged_by_export_and_import(
    title: str, hidden: bool, form: str, movie_id: int, share: int, size: int
):
    weights = [share, *[0] * 13, 100 - share]
    content = heading(form) + lines_of([(movie_id, title, hidden, weights)], form)
    pieces = [content[place : place + size] for place in range(0, len(content), size)]
    line = 2 if form == "csv" else 1
    assert list(rows(pieces, form)) == [Row(line, movie_id, title, tuple(weights), hidden)]
