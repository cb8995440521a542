"""The bytes of imported files: compression, encoding and file name; and the download of an export."""

import gzip
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from movies.admin.import_export import accepts_gzip
from movies.bulk import jobs, text_file
from movies.bulk.file_format import EXPORT_EXTENSIONS, BadFile, Row, format_of, heading, lines_of, rows
from movies.models import Job
from tests.movies.factories import movie
from tests.regressions.files.test_files import ACTION, FILES, HEADER, WEIGHTS, bad, checked

compressed = partial(gzip.compress, mtime=0)  # the same bytes at any time: they name tests


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("compressed", [False, True])
def test_the_text_is_utf_8_or_utf_16_compressed_or_not(encoding: str, compressed: bool):
    """Excel's Unicode Text is UTF-16 with tabs."""
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    content = (mark + f"{HEADER}\r\n1,Amélie 映画 🎬,,{ACTION}\r\n".replace(",", "\t")).encode(encoding)
    content = gzip.compress(content) if compressed else content
    for size in (1, 3, 1_000):
        pieces = [content[place : place + size] for place in range(0, len(content), size)]
        assert list(rows(pieces, "csv")) == [Row(2, 1, "Amélie 映画 🎬", WEIGHTS, None)]


def test_bytes_that_are_not_text_are_reported_with_their_line():
    """The number is right whatever lines come before."""
    assert bad((FILES / "latin-1-in-line-3.csv").read_bytes()) == (
        "Line 3 is not UTF-8 text: its byte 4 is 0xE9, in Windows-1252 the character é. Save the file as UTF-8."
    )
    assert bad((FILES / "nul-in-line-2.csv").read_bytes()).startswith("Line 2 has a NUL character")
    for end in (b"\r", b"\n", b"\r\n"):
        head = b"sep=," + end + end + HEADER.encode() + end + b'1,"A' + end + b'B",,' + ACTION.encode() + end
        assert bad(head + b"2,caf\xe9" + end).startswith("Line 6 is not UTF-8 text: its byte 6 is 0xE9")
        assert bad(head + b"2,caf\0" + end).startswith("Line 6 has a NUL character")
    assert bad("\ufeffid\n".encode("utf-16-le") + b"\0\xdc\0\0").startswith("Line 2 is not UTF-16-LE text")
    assert bad("id,title\n".encode("utf-16-le")).startswith("Line 1 has a NUL character")
    assert bad(b'{"id": 1}\r\r{"title": "\xff"}', "jsonl").startswith("Line 3 is not UTF-8 text: its byte 12")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04...", 'The file is an Excel workbook or a zip archive: save it as "CSV UTF-8".'),
        (b"\xd0\xcf\x11\xe0..", 'The file is an Excel workbook: save it as "CSV UTF-8".'),
        (compressed(compressed(b"x")), "The file is compressed twice: decompress it once."),
        (
            compressed(b"x" * 99)[:-9],
            "The gzip file ends too early, after 99 decompressed bytes: send it again.",
        ),
        (b"\x1f\x8bxxxx", "The gzip file is damaged after 0 decompressed bytes: "),
        (compressed(b"title\n")[:-8] + bytes(8), "The gzip file is damaged after "),
        (
            compressed(HEADER.encode()) + b"more",
            f"The gzip file is damaged after {len(HEADER)} decompressed bytes: ",
        ),
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf\r\n;;\r\nsep=;", "The file is empty."),
    ],
)
def test_a_file_of_another_type_is_reported_by_its_type(content: bytes, says: str):
    """The error says more than that it is not UTF-8."""
    assert bad(content).startswith(says)


def test_the_decompressed_size_of_a_gzip_file_is_bounded(db: None, monkeypatch: pytest.MonkeyPatch):
    """A small file that decompresses to a large one neither fills the memory nor blocks the request."""
    monkeypatch.setattr(text_file, "MAX_BYTES", 5 * text_file.PIECE_BYTES)
    bomb = gzip.compress(f"{HEADER}\n".encode() + b",,,\n" * 3_000_000)
    pieces = text_file.decompressed([bomb])
    assert all(len(next(pieces)) <= text_file.PIECE_BYTES for _ in range(5))
    with pytest.raises(BadFile, match="decompresses to more than 5 MB"):
        list(pieces)
    job = jobs.start_import(actor="staff:edith", file_name="m.csv", chunks=[bomb])
    assert (job.state, job.total) == ("checking", len(bomb))
    jobs.run_waiting()
    job.refresh_from_db()
    assert (job.state, job.result) == (
        "failed",
        {"error": "The file decompresses to more than 5 MB: split it."},
    )


def test_joined_and_padded_gzip_files_are_one_file():
    """As gzip itself reads them."""
    text = f"{HEADER}\n".encode(), f"1,A,,{ACTION}\n".encode()
    content = gzip.compress(text[0]) + bytes(7) + gzip.compress(text[1]) + bytes(9)
    for size in (1, 20, 1_000):
        pieces = [content[place : place + size] for place in range(0, len(content), size)]
        assert list(rows(pieces, "csv")) == [Row(2, 1, "A", WEIGHTS, None)]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("header", "encoded"),
    [("gzip", True), ("identity, *;q=0.1", True), ("gzip;q=0", False), ("", False), (None, False)],
)
def test_a_download_is_encoded_only_for_clients_that_accept_it_and_imports_either_way(
    admin_client: Client, form: str, header: str | None, encoded: bool
):
    """`gzip;q=0` refuses gzip; the response is then a .gz file, which an import accepts."""
    movie('=1+1, "quoted"', movie_id=3, drama=100)
    made: Any = admin_client.post(f"/admin/movies/movie/export/{form}")
    headers = {} if header is None else {"Accept-Encoding": header}
    response = admin_client.get(f"{made.url}download", headers=headers)
    name = response["Content-Disposition"].partition('filename="')[2].rstrip('"')
    assert ("Content-Encoding" in response, name.endswith(".gz")) == (encoded, not encoded)
    assert (response["Content-Type"] == "application/gzip") == (not encoded)
    assert "Accept-Encoding" in response["Vary"]
    content = gzip.decompress(response.content) if encoded else response.content
    for name_ in (name, f"renamed.{form}"):
        result = checked(name_, content)
        assert (result["rows"], result["unchanged"], result["bad"]) == (1, 1, 0)


def test_gzip_is_accepted_by_its_name_or_by_a_star_unless_its_quality_is_zero():
    """An invalid quality refuses gzip, because identity is always acceptable."""
    for header in ("gzip", "deflate, GZIP;q=0.5", "x-gzip", "*", "br;q=1.0, gzip ; q=0.001", "*;q=0, gzip"):
        assert accepts_gzip(header), header
    for header in (
        *("gzip;q=0", "gzip; q=0.000, *", "*;q=0", "identity", "notgzip", "gzipped", "", ",,", ";q=1"),
        *("gzip;q=none", "gzip;q=", "gzip;q=-1", "gzip;q=2", "gzip;q=0.0000", "gzip q=1"),
    ):
        assert not accepts_gzip(header), header


def test_the_extension_decides_the_format():
    """With or without .gz, in upper or lower case."""
    names = ["a.csv", "A.CSV.GZ", "a.b.tsv", "Unicode.txt", "a.jsonl.gz", "a.ndjson"]
    assert [format_of(name) for name in names] == ["csv"] * 4 + ["jsonl"] * 2
    for name in ("a", "csv", "a.gz", "a.csv.zip", "a.xlsx", ""):
        with pytest.raises(BadFile, match="does not end in any of"):
            format_of(name)
    with pytest.raises(BadFile, match=r"'a\.txt' does not end in any of"):
        format_of("a.txt", EXPORT_EXTENSIONS)


def test_the_commands_write_and_read_compressed_files(db: None, tmp_path: Path, capsys: Any):
    """An import accepts every file that an export writes."""
    movie("Kahaani", movie_id=1, action=100)
    path = tmp_path / "movies.csv.gz"
    call_command("export_movies", str(path))
    line = lines_of([(1, "Kahaani", False, list(WEIGHTS))], "csv")
    assert gzip.decompress(path.read_bytes()) == heading("csv") + line
    call_command("import_movies", str(path))
    assert "1 rows: 0 new, 0 changed, 1 unchanged, 0 bad." in capsys.readouterr().out
    with pytest.raises(CommandError, match="The file cannot be written"):
        call_command("export_movies", str(tmp_path / "none" / "movies.csv"))
    strange = tmp_path / "m\udce9.csv"
    strange.write_bytes(heading("csv") + line)
    call_command("import_movies", str(strange))
    assert Job.objects.latest("created").request["file"] == "m\ufffd.csv"
