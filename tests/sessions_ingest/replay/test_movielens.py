"""The files of MovieLens are read as they are published; a line that cannot be read is named."""

from pathlib import Path

import pytest

from sessions_ingest.replay.movielens import (
    BadRatings,
    FileMovie,
    Finishes,
    movies_beside,
    read_movies,
    read_ratings,
)

RATINGS = {
    "ratings.csv": "userId,movieId,rating,timestamp\r\n2,6,4.0,964982703\r\n"
    "1,5,0.5,964982700\r\n1,3,4.0,964982703\r\n",
    "ratings.dat": "2::6::4::964982703\n1::5::1::964982700\n1::3::4::964982703\n",
    "u.data": "2\t6\t4\t964982703\n1\t5\t1\t964982700\n1\t3\t4\t964982703\n",
}


def item(movie_id: int, title: str, *flags: int) -> str:
    marks = "|".join("1" if flag in flags else "0" for flag in range(19))
    return f"{movie_id}|{title}|01-Jan-1995||http://us.imdb.com/M/title-exact?Toy%20Story%20(1995)|{marks}\n"


def rows(finishes: Finishes) -> list[tuple[int, int, int]]:
    columns = (finishes.user_ids.tolist(), finishes.movie_ids.tolist(), finishes.times.tolist())
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("name", RATINGS)
def test_ratings_of_each_format_are_finishes_in_time_order(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(RATINGS[name], newline="")
    finishes = read_ratings(tmp_path / name)
    assert rows(finishes) == [(1, 5, 964982700), (1, 3, 964982703), (2, 6, 964982703)]


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(RATINGS["u.data"])
    assert len(read_ratings(tmp_path / "mine.txt")) == 3


def test_a_rating_that_is_there_twice_is_one_finish(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t5\t1\t100\n1\t5\t3\t100\n1\t5\t3\t101\n")
    assert rows(read_ratings(tmp_path / "u.data")) == [(1, 5, 100), (1, 5, 101)]


def test_finishes_between_two_times_leave_out_the_end(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("".join(f"1\t{movie}\t1\t{100 + movie}\n" for movie in range(1, 6)))
    finishes = read_ratings(tmp_path / "u.data")
    assert rows(finishes.between(102, 104)) == [(1, 2, 102), (1, 3, 103)]
    assert rows(finishes.between(float("-inf"), 102)) == [(1, 1, 101)]


def test_movies_csv_has_quoted_titles_with_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_bytes(
        "\ufeffmovieId,title,genres\r\n"
        '11,"American President, The (1995)",Comedy|Drama|Romance\r\n'
        '27,"Misérables, Les ""1995""",Children|War|IMAX\r\n'
        '29,"Two\r\nlines",(no genres listed)\r\n'
        "30,Plain,Film-Noir\r\n".encode()
    )
    assert read_movies(tmp_path / "movies.csv") == [
        FileMovie(11, "American President, The (1995)", frozenset({"comedy", "drama", "romance"})),
        FileMovie(27, 'Misérables, Les "1995"', frozenset({"family", "drama"})),
        FileMovie(29, "Two\r\nlines", frozenset()),
        FileMovie(30, "Plain", frozenset({"mystery"})),
    ]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_movies_dat_is_latin_1_as_in_1m_or_utf_8_as_in_10m(encoding: str, tmp_path: Path) -> None:
    text = "73::Misérables, Les (1995)::Drama|Musical\n1::Toy Story (1995)::Animation|Children's|Comedy\n"
    (tmp_path / "movies.dat").write_bytes(text.encode(encoding))
    assert read_movies(tmp_path / "movies.dat") == [
        FileMovie(73, "Misérables, Les (1995)", frozenset({"drama", "musical"})),
        FileMovie(1, "Toy Story (1995)", frozenset({"animation", "family", "comedy"})),
    ]


def test_u_item_is_latin_1_with_19_flags(tmp_path: Path) -> None:
    text = (
        item(1, "Toy Story (1995)", 3, 4, 5)
        + item(267, "unknown", 0)
        + item(543, "Misérables, Les (1995)", 8, 12)
    )
    (tmp_path / "u.item").write_bytes(text.encode("latin-1"))
    assert read_movies(tmp_path / "u.item") == [
        FileMovie(1, "Toy Story (1995)", frozenset({"animation", "family", "comedy"})),
        FileMovie(267, "unknown", frozenset()),
        FileMovie(543, "Misérables, Les (1995)", frozenset({"drama", "musical"})),
    ]


def test_movies_are_found_beside_the_ratings_by_name(tmp_path: Path) -> None:
    for name in ("ratings.csv", "ratings.dat", "u.data", "mine.txt"):
        assert movies_beside(tmp_path / name) is None
    for name in ("u.item", "movies.dat", "movies.csv"):
        (tmp_path / name).touch()
    beside = {
        "ratings.csv": "movies.csv",
        "ratings.dat": "movies.dat",
        "u.data": "u.item",
        "mine.txt": "movies.csv",
    }
    for ratings, movies in beside.items():
        assert movies_beside(tmp_path / ratings) == tmp_path / movies


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("ratings.csv", "", "line 1: '' begins no file of ratings: ml-latest's ratings.csv begins with"),
        (
            "ratings.csv",
            "userId,movieId,rating\n1,2,3\n",
            "line 1: 'userId,movieId,rating' begins no file of ratings",
        ),
        ("ratings.csv", "userId,movieId,rating,timestamp\n", "there is no rating in this file"),
        (
            "ratings.csv",
            "userId,movieId,rating,timestamp\n1,2,4.0,100\n1,x,4.0,100\n",
            "line 3: 'x' is not a movie: a whole number from 1 to 9007199254740991",
        ),
        (
            "ratings.csv",
            'userId,movieId,rating,timestamp\n1,2,4.0,100\n1,"2"3,4.0,100\n',
            "line 3: it is not CSV",
        ),
        (
            "ratings.csv",
            "userId,movieId,rating,timestamp\n1,2,4.0\n",
            "line 2: it has 3 fields and not user, movie, rating and time",
        ),
        ("u.data", "1\t2\t3\t100\n0\t2\t3\t100\n", "line 2: '0' is not a user: a whole number from 1"),
        (
            "ratings.dat",
            "1::2::3::100\n\n1::2::3::964982703000\n",
            "line 3: '964982703000' is not a time: a whole number from 0 to 4102444800",
        ),
        ("u.data", "1\t2\t3\t100\n1\t2\xff\t3\t100\n", "line 2: its byte 0xFF is not UTF-8"),
    ],
)
def test_bad_ratings_are_named_by_file_and_line(name: str, text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(BadRatings) as raised:
        read_ratings(tmp_path / name)
    assert str(raised.value).startswith(f"{tmp_path / name}")
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "movies.csv",
            "id,title\n",
            "line 1: 'id,title' begins no file of movies: ml-latest's movies.csv begins with",
        ),
        ("movies.csv", "movieId,title,genres\n", "there is no movie in this file"),
        (
            "movies.csv",
            "movieId,title,genres\n1,A,Drama\n2,B,Heist\n",
            "line 3: 'Heist' is not a genre of MovieLens",
        ),
        (
            "movies.csv",
            "movieId,title,genres\n1,A,Drama\n1,B,Drama\n",
            "line 3: movie 1 is in line 2 already",
        ),
        (
            "movies.csv",
            'movieId,title,genres\n1,"A\nB",Drama\n2,C, the,Drama\n',
            "line 4: it has 4 fields and not movie, title and genres",
        ),
        ("movies.csv", "movieId,title,genres\n1,\xe9,Drama\n", "line 2: its byte 0xE9 is not UTF-8"),
        ("u.item", item(1, "A", 1) + item(2, "B|", 1), "line 2: it has 25 fields and not 24"),
        (
            "u.item",
            item(1, "A", 1) + item(2, "B", 1).replace("|1|", "|2|"),
            "line 2: '2' is not a flag of a genre",
        ),
        ("movies.dat", "1::A::Drama\nx::B::Drama\n", "line 2: 'x' is not a movie"),
    ],
)
def test_bad_movies_are_named_by_file_and_line(name: str, text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(BadRatings) as raised:
        read_movies(tmp_path / name)
    assert str(raised.value).startswith(f"{tmp_path / name}")
    assert reason in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRatings, match=r"ratings\.csv cannot be read: No such file or directory\."):
        read_ratings(tmp_path / "ratings.csv")
