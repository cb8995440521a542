"""Generates plausible movies with titles, profiles and views; movie k depends only on the seed and k."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from faker.providers.address.en_US import Provider as Address
from faker.providers.color import Provider as Color
from faker.providers.lorem.de_DE import Provider as German
from faker.providers.lorem.en_US import Provider as English
from faker.providers.lorem.es_ES import Provider as Spanish
from faker.providers.lorem.fr_FR import Provider as French
from faker.providers.lorem.it_IT import Provider as Italian
from faker.providers.lorem.tl_PH import Provider as Tagalog
from faker.providers.person.en_IN import Provider as Indian
from faker.providers.person.en_US import Provider as Person
from numpy.typing import NDArray

from movies.genres import GENRE_POSITION, GENRES
from movies.profiles import TOTAL

BLOCK_SIZE = 10_000  # movies drawn from one random stream
# Views follow a Pareto distribution: as in real viewing data, no movie has much more than a hundredth of them all.
VIEWS_TAIL = 0.65
VIEWS_SCALE = 20  # about 36 views a movie, so 100 for each of the demo's users, as in MovieLens 100K
# Of a movie of the first block; of the second twice as many, and so on. So the most viewed movie, a matter of luck in
# a long tail, has about a hundredth of all views at most, whatever the size of the inventory.
MAX_VIEWS = 3_600

Words = NDArray[np.object_]
Draw = np.random.Generator

# How often a genre is a movie's strongest, and how strongly the other genres follow.
STRENGTHS = {
    "action": 9, "animation": 5, "comedy": 14, "documentary": 9, "drama": 18, "family": 5, "fantasy": 4,
    "international": 7, "horror": 7, "musical": 2, "mystery": 4, "romance": 7, "sci_fi": 5, "thriller": 8,
    "western": 1,
}  # fmt: skip
INTERNATIONAL = GENRE_POSITION["international"]


@dataclass(frozen=True, slots=True)
class Generated:
    """Movies of consecutive numbers, as parallel columns; a row of `profiles` has 15 weights."""

    first: int
    titles: Words
    profiles: NDArray[np.uint8]
    views: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.titles)


def movies(*, seed: int, first: int, count: int) -> Iterator[Generated]:
    """The movies numbered first, first + 1, ... (from 1), at most BLOCK_SIZE at a time."""
    end = first + count
    while first < end:
        block, start = divmod(first - 1, BLOCK_SIZE)
        stop = min(BLOCK_SIZE, start + end - first)
        whole = _block(seed, block)
        part = slice(start, stop)
        yield Generated(first, whole.titles[part], whole.profiles[part], whole.views[part])
        first += stop - start


def _block(seed: int, block: int) -> Generated:
    draw = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, block])))
    profiles = _profiles(draw)
    return Generated(block * BLOCK_SIZE + 1, _titles(draw, profiles), profiles, _views(draw, block))


def _views(draw: Draw, block: int) -> NDArray[np.int64]:
    views = VIEWS_SCALE * ((1 - draw.random(BLOCK_SIZE)) ** -VIEWS_TAIL - 1)
    return np.minimum(views, MAX_VIEWS * (block + 1)).astype(np.int64)


def _profiles(draw: Draw) -> NDArray[np.uint8]:
    """Profiles in which one to four strong genres share most of the weight, and up to three faint ones the rest."""
    strengths = np.array([STRENGTHS[genre] for genre in GENRES], dtype=float)
    # Gumbel trick: adding Gumbel noise to log-weights and sorting draws without replacement by weight
    order = np.argsort(-(np.log(strengths) + draw.gumbel(size=(BLOCK_SIZE, len(GENRES)))), axis=1)
    strong = draw.choice([1, 2, 3, 4], size=(BLOCK_SIZE, 1), p=[0.2, 0.4, 0.28, 0.12])
    faint = strong + draw.integers(0, 4, size=(BLOCK_SIZE, 1))
    place = np.arange(len(GENRES))
    by_place = np.where(
        place < strong,
        0.4 + draw.gamma(3.0, 0.5, size=(BLOCK_SIZE, len(GENRES))),
        np.where(place < faint, draw.uniform(0.02, 0.2, size=(BLOCK_SIZE, len(GENRES))), 0.0),
    )
    shares = np.floor(by_place / by_place.sum(axis=1, keepdims=True) * TOTAL).astype(np.int64)
    shares[np.arange(BLOCK_SIZE), shares.argmax(axis=1)] += TOTAL - shares.sum(axis=1)
    profiles = np.empty((BLOCK_SIZE, len(GENRES)), dtype=np.uint8)
    np.put_along_axis(profiles, order, shares.astype(np.uint8), axis=1)
    return profiles


def _words(words: Iterable[str], *, shortest: int = 3, split: bool = False) -> Words:
    """Distinct words, sorted, with a capital letter; `split` splits `CornflowerBlue` in two."""
    if split:
        words = ("".join(f" {letter}" if letter.isupper() else letter for letter in word) for word in words)
    distinct = {word.strip() for word in words}
    return np.array(sorted(w[0].upper() + w[1:] for w in distinct if len(w) >= shortest), dtype=object)


NOUNS = _words(English.parts_of_speech["noun"], shortest=4)
ADJECTIVES = _words(
    [
        *English.parts_of_speech["adjective"],
        *(color for color in _words(Color.all_colors, split=True) if " " not in color),
    ],
    shortest=4,
)
FIRST_NAMES = _words(Person.first_names)
LAST_NAMES = _words(Person.last_names)
PLACES = _words(
    name + suffix for name in list(Person.last_names)[::7] for suffix in Address.city_suffixes[::3]
)
FOREIGN_WORDS = _words(
    (*French.word_list, *Spanish.word_list, *Italian.word_list, *German.word_list, *Tagalog.word_list),
    shortest=5,
)
FOREIGN_NAMES = _words(Indian.first_names)
SEQUELS = np.array(
    [" 2", " 3", " II", " III", " Returns", ": The Beginning", ": The Reckoning"], dtype=object
)


def _titles(draw: Draw, profiles: NDArray[np.uint8]) -> Words:
    def some(words: Words) -> Words:
        return words[draw.integers(0, len(words), BLOCK_SIZE)]

    noun, adjective = some(NOUNS), some(ADJECTIVES)
    first, last = some(FIRST_NAMES), some(LAST_NAMES)
    english = [
        "The " + adjective + " " + noun,
        adjective + " " + noun,
        "The " + noun + " of " + some(PLACES),
        last + "'s " + noun,
        first + " and the " + noun,
        noun + " and " + some(NOUNS),
        "The Last " + noun,
        first + " " + last,
        "No " + noun + " for " + first,
    ]
    foreign = [
        some(FOREIGN_WORDS) + " " + some(FOREIGN_WORDS),
        some(FOREIGN_NAMES),
        some(FOREIGN_NAMES) + " " + some(FOREIGN_WORDS),
    ]
    titles = np.choose(draw.integers(0, len(english), BLOCK_SIZE), english)
    abroad = np.choose(draw.integers(0, len(foreign), BLOCK_SIZE), foreign)
    titles = np.where(profiles.argmax(axis=1) == INTERNATIONAL, abroad, titles)
    chance = draw.random(BLOCK_SIZE)
    year = " (" + draw.integers(1925, 2027, BLOCK_SIZE).astype(str).astype(object) + ")"
    return titles + np.where(chance < 0.08, some(SEQUELS), np.where(chance < 0.3, year, ""))
