"""What the words of a search may mean: misspelt, run together or torn apart. Plain rules; no database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_WORDS = 12  # of a query; what comes after them is not looked at
LONGEST_WORD = 60  # letters
SHORTEST_PREFIX = 3  # letters of a last word from which it also stands for every word that begins with it
ALTERNATIVES = 6  # words that a misspelt one may have meant


@dataclass(frozen=True, slots=True)
class Meaning:
    """What could stand in one place of the query: any of `words`, or all the words of any of `phrases`."""

    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    prefix: bool = False  # the first of `words` may go on

    def tsquery(self) -> str:
        """As text for a cast to tsquery."""
        parts = [quoted(word) for word in self.words]
        if self.prefix:
            parts[0] += ":*"
        parts += ["(" + " & ".join(map(quoted, phrase)) + ")" for phrase in self.phrases]
        return f"({' | '.join(parts)})"


def quoted(word: str) -> str:
    """A word as a tsquery takes it, whatever its letters."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def joins(words: Sequence[str]) -> list[str]:
    """Neighbours run together: `spider man` -> `spiderman`."""
    return [first + second for first, second in pairwise(words)]


def splits(word: str) -> list[tuple[str, str]]:
    """A word torn apart: `spiderman` -> `spider man` and other places to tear it."""
    return [(word[:place], word[place:]) for place in range(2, len(word) - 1)]


def as_written(words: Sequence[str], known: Mapping[str, int], *, prefix: bool = True) -> list[Meaning]:
    """Each word as it is, the last also as a beginning; or neighbours, or halves, that are known as words."""
    meanings: list[Meaning] = []
    place = 0
    while place < len(words):
        word, last = words[place], place == len(words) - 1
        if not last and words[place] + words[place + 1] in known:
            pair = (word, words[place + 1])
            meanings.append(Meaning((word + words[place + 1],), (pair,)))
            place += 2
            continue
        halves = tuple(
            pair for pair in splits(word) if word not in known and all(half in known for half in pair)
        )
        goes_on = prefix and last and len(word) >= SHORTEST_PREFIX
        meanings.append(Meaning((word,), halves, prefix=goes_on))
        place += 1
    return meanings


def misspelt(words: Sequence[str], candidates: Mapping[str, Mapping[str, int]]) -> list[Meaning]:
    """For each word the words nearest to it, from its `candidates` (word -> in how many titles it is).

    Words of one or two letters say little and are often wrong: they are left out where longer ones are there.
    """
    kept = [word for word in words if len(word) > 2] or list(words)
    meanings = []
    for word in kept:
        near = [
            (distance(word, candidate), -titles, candidate)
            for candidate, titles in candidates.get(word, {}).items()
        ]
        best = [candidate for steps, _, candidate in sorted(near) if steps <= tolerance(word)]
        if best:
            meanings.append(Meaning(tuple(best[:ALTERNATIVES])))
        else:
            meanings.append(Meaning((word,)))
    return meanings


def tolerance(word: str) -> int:
    """How many mistakes a word of this length may have."""
    return 0 if len(word) < 3 or word.isdigit() else 1 if len(word) < 5 else 2


def distance(one: str, other: str) -> int:
    """How many letters put in, left out, exchanged or swapped with a neighbour lead from one to the other."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            steps = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                steps = min(steps, before[j - 2] + 1)
            row.append(steps)
        before, last = last, row
    return last[-1]


def conjunction(meanings: Iterable[Meaning]) -> str:
    """All of them, as text for a cast to tsquery."""
    return " & ".join(meaning.tsquery() for meaning in meanings)


def disjunction(meanings: Iterable[Meaning]) -> str:
    """Any of them, as text for a cast to tsquery."""
    return " | ".join(meaning.tsquery() for meaning in meanings)
