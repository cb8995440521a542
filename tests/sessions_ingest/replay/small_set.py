"""A small data set like MovieLens: users with tastes rate popular movies, in bursts, many at the same second."""

import random
from pathlib import Path

MOVIES = 120
USERS = 30
RATINGS = 600
DAYS = 200
DAY = 24 * 3600
FIRST = 874_724_400  # 1997-09-20, where MovieLens 100K begins
GENRES = (
    "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Film-Noir",
    "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western", "IMAX",
)  # fmt: skip


def write(folder: Path) -> tuple[Path, Path]:
    """Writes ratings.csv and movies.csv, the same at every call; returns their paths."""
    draw = random.Random(100)
    genres = {movie: draw.sample(GENRES[:8], draw.randint(1, 2)) for movie in range(1, MOVIES + 1)}
    genres[7], genres[8] = ["IMAX"], ["(no genres listed)"]
    genres[9] = genres[10] = genres[11] = genres[12] = genres[13] = ["Western"]  # five of one profile
    movies, ratings = folder / "movies.csv", folder / "ratings.csv"
    movies.write_text(
        "movieId,title,genres\n"
        + "".join(f'{movie},"Movie {movie}, The (1995)",{"|".join(genres[movie])}\n' for movie in genres)
    )
    likes = {user: set(draw.sample(GENRES[:8], 2)) for user in range(1, USERS + 1)}
    seen: dict[int, set[int]] = {user: set() for user in likes}
    rows: list[str] = []
    while len(rows) < RATINGS:
        user = draw.randint(1, USERS)
        at = FIRST + draw.randrange(DAYS) * DAY + draw.randrange(3) * 3600
        for _ in range(draw.randint(1, 6)):  # a burst
            left = [movie for movie in genres if movie not in seen[user]]
            liked = [(1 + 20 * len(likes[user] & set(genres[movie]))) / (movie % 30 + 2) for movie in left]
            movie = draw.choices(left, liked)[0]
            seen[user].add(movie)
            rows.append(f"{user},{movie},{draw.randint(1, 10) / 2},{at}\n")
            at += draw.choice((0, 0, 7))
    draw.shuffle(rows)
    ratings.write_text("userId,movieId,rating,timestamp\n" + "".join(rows))
    return ratings, movies
