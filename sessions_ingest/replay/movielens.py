"""Reads the ratings and movies of MovieLens: the CSV of ml-latest, the .dat of 1M and 10M, 100K's u.data and u.item.

The first line tells the format. A line that cannot be read raises BadRatings with file and line. No Django.
"""

import csv
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movies.foundation.numbers import MAX_BIGINT, whole_number
from movies.inventory.validation import MAX_MOVIE_ID
from sessions_ingest.replay.movielens_genres import FLAGS, mapped

MAX_SHOWN_CHARACTERS = 60  # of a line that an error quotes
LATEST_TIME = 4_102_444_800  # seconds: the year 2100, so that milliseconds are an error
RATINGS_HEADER = ["userId", "movieId", "rating", "timestamp"]
MOVIES_HEADER = ["movieId", "title", "genres"]
ITEM_COLUMNS = 5 + len(FLAGS)  # id, title, two dates, address, flags
# files of movies that belong to a file of ratings, by its name
MOVIES_BESIDE = {
    "ratings.csv": ("movies.csv",),
    "ratings.dat": ("movies.dat",),
    "u.data": ("u.item",),
}
ANY_MOVIES = ("movies.csv", "movies.dat", "u.item")

Fields = Sequence[str]
# divides the numbered lines of a file into fields
Split = Callable[[Path, Iterable[str]], Iterator[tuple[int, Fields]]]


class BadRatings(ValueError):
    """A file cannot be read as one of MovieLens'; the message names the file, the line and the reason."""


@dataclass(frozen=True, slots=True)
class Finishes:
    """Finishes in the order of (time, movie, user): users, movies and times in seconds since 1970, equally long."""

    user_ids: NDArray[np.int64]
    movie_ids: NDArray[np.int64]
    times: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, part: slice) -> "Finishes":
        return Finishes(self.user_ids[part], self.movie_ids[part], self.times[part])

    def where(self, chosen: NDArray[np.bool_]) -> "Finishes":
        """Those that are chosen."""
        return Finishes(self.user_ids[chosen], self.movie_ids[chosen], self.times[chosen])

    def between(self, start: float, end: float) -> "Finishes":
        """Those at `start` or later and before `end`, in seconds since 1970."""
        first, last = np.searchsorted(self.times, [start, end])
        return self[int(first) : int(last)]


@dataclass(frozen=True, slots=True)
class FileMovie:
    """A movie of the file; `genres` are of the 15, none where the file knows none."""

    movie_id: int
    title: str
    genres: frozenset[str]


def in_order(user_ids: Sequence[int], movie_ids: Sequence[int], times: Sequence[int]) -> Finishes:
    """The finishes, sorted; one that is there twice is one finish."""
    columns = np.array([user_ids, movie_ids, times], np.int64)
    columns = columns[:, np.lexsort(columns)]
    new = np.ones(columns.shape[1], bool)
    new[1:] = (columns[:, 1:] != columns[:, :-1]).any(axis=0)
    return Finishes(*columns[:, new])


def read_ratings(path: Path) -> Finishes:
    """The ratings of the file as finishes: each at its time, whatever the rating. Raises BadRatings."""
    columns = array("q"), array("q"), array("q")
    for number, fields in _rows(path, _ratings_split(_first_line(path), path), "utf-8-sig"):
        if len(fields) != len(RATINGS_HEADER):
            raise _bad(path, number, f"it has {len(fields)} fields and not user, movie, rating and time")
        values = (
            _number(path, number, "user", fields[0], MAX_BIGINT),
            _number(path, number, "movie", fields[1], MAX_MOVIE_ID),
            _number(path, number, "time", fields[3], LATEST_TIME, least=0),
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    if not columns[0]:
        raise BadRatings(f"{path}: there is no rating in this file.")
    return in_order(*columns)


def read_movies(path: Path) -> list[FileMovie]:
    """The movies of the file, in its order. Raises BadRatings, also for an id that is there twice."""
    split = _movies_split(_first_line(path), path)
    movies: dict[int, FileMovie] = {}
    lines: dict[int, int] = {}
    for number, fields in _rows(path, split, _encoding(path, split)):
        movie_id, title, names = _movie_fields(path, number, split, fields)
        if movie_id in movies:
            raise _bad(path, number, f"movie {movie_id} is in line {lines[movie_id]} already")
        try:
            movies[movie_id] = FileMovie(movie_id, title, mapped(names))
        except ValueError as error:
            raise _bad(path, number, str(error).rstrip(".")) from None
        lines[movie_id] = number
    if not movies:
        raise BadRatings(f"{path}: there is no movie in this file.")
    return list(movies.values())


def movies_beside(ratings: Path) -> Path | None:
    """The file of movies in the folder of the ratings, by the names that MovieLens gives them."""
    names = MOVIES_BESIDE.get(ratings.name, ANY_MOVIES)
    return next((found for name in names if (found := ratings.with_name(name)).is_file()), None)


def _csv(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, Fields]]:
    reader = csv.reader(lines, strict=True)
    number = 1
    try:
        for fields in reader:
            if number > 1 and fields:
                yield number, fields
            number = reader.line_num + 1
    except csv.Error as error:
        raise _bad(path, number, f"it is not CSV ({error})") from None


def _divided(delimiter: str) -> Split:
    def split(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, Fields]]:
        for number, line in enumerate(lines, start=1):
            if line := line.rstrip("\r\n"):
                yield number, line.split(delimiter)

    return split


_dat, _data, _item = _divided("::"), _divided("\t"), _divided("|")


def _ratings_split(line: str, path: Path) -> Split:
    if line.split(",") == RATINGS_HEADER:
        return _csv
    if line.count("::") == 3:
        return _dat
    if line.count("\t") == 3:
        return _data
    raise _bad(
        path,
        1,
        f"{_shown(line)} begins no file of ratings: ml-latest's ratings.csv begins with"
        f" {','.join(RATINGS_HEADER)}, a ratings.dat has user::movie::rating::time, a u.data has them"
        " separated by tabs",
    )


def _movies_split(line: str, path: Path) -> Split:
    if line.split(",") == MOVIES_HEADER:
        return _csv
    if line.count("::") == 2:
        return _dat
    if line.count("|") == ITEM_COLUMNS - 1:
        return _item
    raise _bad(
        path,
        1,
        f"{_shown(line)} begins no file of movies: ml-latest's movies.csv begins with {','.join(MOVIES_HEADER)},"
        f" a movies.dat has movie::title::genres, a u.item has {ITEM_COLUMNS} fields separated by |",
    )


def _encoding(path: Path, split: Split) -> str:
    """MovieLens 100K and 1M are Latin-1, the others UTF-8, which Latin-1 text hardly ever happens to be."""
    if split is _csv:
        return "utf-8-sig"
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
            return file.readline().rstrip("\r\n")
    except OSError as error:
        raise BadRatings(f"{path} cannot be read: {error.strerror or error}.") from None


def _rows(path: Path, split: Split, encoding: str) -> Iterator[tuple[int, Fields]]:
    with path.open("rb") as file:
        yield from split(path, _decoded(path, file, encoding))


def _decoded(path: Path, lines: Iterable[bytes], encoding: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode(encoding if number == 1 else encoding.removesuffix("-sig"))
        except UnicodeDecodeError as error:
            raise _bad(path, number, f"its byte 0x{line[error.start]:02X} is not UTF-8") from None


def _movie_fields(path: Path, number: int, split: Split, fields: Fields) -> tuple[int, str, Fields]:
    if split is _item:
        if len(fields) != ITEM_COLUMNS:
            raise _bad(path, number, f"it has {len(fields)} fields and not {ITEM_COLUMNS}")
        if wrong := [flag for flag in fields[-len(FLAGS) :] if flag not in ("0", "1")]:
            raise _bad(path, number, f"{_shown(wrong[0])} is not a flag of a genre, 0 or 1")
        names = [name for name, flag in zip(FLAGS, fields[-len(FLAGS) :], strict=True) if flag == "1"]
    else:
        if len(fields) != len(MOVIES_HEADER):
            raise _bad(path, number, f"it has {len(fields)} fields and not movie, title and genres")
        names = fields[2].split("|")
    return _number(path, number, "movie", fields[0], MAX_MOVIE_ID), fields[1], names


def _number(path: Path, line: int, what: str, text: str, most: int, *, least: int = 1) -> int:
    value = whole_number(text, least=least, most=most)
    if value is None:
        raise _bad(path, line, f"{_shown(text)} is not a {what}: a whole number from {least} to {most}")
    return value


def _bad(path: Path, line: int, reason: str) -> BadRatings:
    return BadRatings(f"{path}, line {line}: {reason}.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "...")
