"""What the words of a search may mean: as written, joined or parted, begun, misspelt, too many. Plain rules.

The contract of search, whichever engine looks (docs/decisions.md): a search is read in several ways, each less
literal than the one before, and the first way that finds anything is the answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

MOST_RESULTS = 500  # the farthest that anyone can page
MOST_WORDS = 12  # of a query; what comes after them is not looked at
LONGEST_WORD = 60  # letters; the database's rule too
SHORTEST_PREFIX = 3  # letters of a last word from which it also stands for every word that begins with it
ALTERNATIVES = 6  # words that a misspelt one may have meant
COMMON = 1_500  # titles; a word of more of them says little

PARTED, AND = "\x1f", "\x1e"  # marks of the database's movies_spelled(): `m*a*s*h`, `at&t`
WHOLE = "="  # the term of a whole title, without blanks, begins with it

# Of a title that has some of the words: no number of lesser ones outweighs one more of the better.
AS_WRITTEN, BY_SPELLING, IN_COMMON = 256, 16, 1


@dataclass(frozen=True, slots=True)
class Word:
    """What stands between blanks: in one piece, and in the parts that signs make of it."""

    joined: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """The words of a query, each once, and all of it without blanks."""

    words: tuple[Word, ...]
    whole: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What could stand in one place of the query: any of `words`, or all the words of any of `phrases`."""

    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    prefix: bool = False  # the first of `words` may go on

    def titles(self, known: Mapping[str, int]) -> int:
        """At most so many titles have it, going on aside."""
        several = sum(min(known.get(word, 0) for word in phrase) for phrase in self.phrases)
        return sum(known.get(word, 0) for word in self.words) + several


@dataclass(frozen=True, slots=True)
class AllOf:
    """Titles that have every meaning of a tier: those of the first tier, then those of the second, ..."""

    tiers: tuple[tuple[Meaning, ...], ...]


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Titles that have some of the meanings: the most of their weights first.

    Each has one of `telling`; what it has of `common`, words of very many titles, decides among equals.
    """

    telling: tuple[tuple[Meaning, int], ...]
    common: tuple[Meaning, ...] = ()


def parsed(spelled: str) -> Query:
    """What the database made of a query, as words."""
    words: dict[Word, None] = {}
    for token in filter(None, spelled.split(" ")):  # not split(): it takes the marks for blanks
        parts = token.replace(AND, f"{PARTED}and{PARTED}").split(PARTED)
        joined = token.replace(AND, "").replace(PARTED, "")
        words[Word(joined[:LONGEST_WORD], tuple(part[:LONGEST_WORD] for part in parts[:MOST_WORDS]))] = None
    whole = spelled.replace(AND, "and").replace(PARTED, "").replace(" ", "")
    return Query(tuple(words)[:MOST_WORDS], whole)


def spellings(query: Query) -> set[str]:
    """Every word that the query may be of: to be looked up in the vocabulary."""
    found = {spelling for word in query.words for spelling in (word.joined, *word.parts)}
    found |= {first.joined + second.joined for first, second in pairwise(query.words)}
    return found | {half for word in query.words for pair in splits(word.joined) for half in pair}


def splits(word: str) -> list[tuple[str, str]]:
    """A word torn apart: `spiderman` -> `spider man` and other places to tear it."""
    return [(word[:place], word[place:]) for place in range(1, len(word))]


def literal(query: Query, known: Mapping[str, int]) -> AllOf:
    """The whole title; its words; words joined, torn or begun; the beginning of a title for a letter or two."""
    whole = Meaning((WHOLE + query.whole,))
    tiers = [(whole,), tuple(_meaning(word) for word in query.words), tuple(respelled(query, known))]
    if len(query.whole) < SHORTEST_PREFIX:
        tiers.append((replace(whole, prefix=True),))
    return AllOf(tuple(dict.fromkeys(tiers)))


def respelled(query: Query, known: Mapping[str, int]) -> list[Meaning]:
    """Each word as it is, the last also as a beginning; or joined to a neighbour, or torn, where that is known."""
    meanings = []
    joins = [first.joined + second.joined for first, second in pairwise(query.words)]
    for place, word in enumerate(query.words):
        joined = [join for join in joins[max(0, place - 1) : place + 1] if join in known]
        halves = [
            pair
            for pair in splits(word.joined)
            if all(half in known for half in pair) and (word.joined not in known or min(map(len, pair)) > 1)
        ]
        meaning = _meaning(word)
        prefix = word == query.words[-1] and len(word.joined) >= SHORTEST_PREFIX
        meanings.append(Meaning((*meaning.words, *joined), (*meaning.phrases, *halves), prefix))
    return meanings


def misspelt(query: Query, candidates: Mapping[str, Mapping[str, int]]) -> AllOf:
    """For each word the nearest ones of its `candidates` (word -> in how many titles it is), then all near ones.

    Words of one or two letters say little and are often wrong: they are left out where longer ones are there.
    """
    kept = [word for word in query.words if len(word.joined) > 2] or list(query.words)
    tiers = []
    for only_nearest in (True, False):
        meanings = []
        for word in kept:
            words = near(word.joined, candidates, only_nearest=only_nearest)
            parts = [near(part, candidates, only_nearest=True) or [part] for part in word.parts]
            phrases = (tuple(best[0] for best in parts),) if len(parts) > 1 else ()
            meanings.append(Meaning(tuple(words) or (word.joined,), phrases))
        tiers.append(tuple(meanings))
    return AllOf(tuple(dict.fromkeys(tiers)))


def some(query: Query, known: Mapping[str, int], candidates: Mapping[str, Mapping[str, int]]) -> list[SomeOf]:
    """Some of the words are too many: titles with any of the telling ones, or else with any of the common ones."""
    telling: list[tuple[Meaning, int]] = []
    common: list[Meaning] = []
    for meaning in respelled(query, known):
        titles = meaning.titles(known)
        if titles > COMMON:
            common.append(replace(meaning, prefix=False))
        elif titles:
            telling.append((replace(meaning, prefix=False), AS_WRITTEN))
        else:
            words = near(meaning.words[0], candidates, only_nearest=True)
            telling.append((replace(meaning, words=(meaning.words[0], *words)), BY_SPELLING))
    readings = [SomeOf(tuple(telling), tuple(common)), SomeOf(tuple((each, IN_COMMON) for each in common))]
    return [reading for reading in readings if reading.telling]


def near(word: str, candidates: Mapping[str, Mapping[str, int]], *, only_nearest: bool) -> list[str]:
    """The likeliest words that were meant, few mistakes first, then many titles."""
    steps = [
        (distance(word, candidate), -titles, candidate)
        for candidate, titles in candidates.get(word, {}).items()
    ]
    steps = sorted(step for step in steps if step[0] <= tolerance(word))
    if only_nearest:
        steps = [step for step in steps if step[0] == steps[0][0]]
    return [candidate for _, _, candidate in steps[:ALTERNATIVES]]


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


def _meaning(word: Word) -> Meaning:
    return Meaning((word.joined,), (word.parts,) if len(word.parts) > 1 else ())


def tsquery(meanings: Iterable[Meaning]) -> str:
    """All of them, as text for a cast to PostgreSQL's tsquery."""
    return " & ".join(_alternatives(meaning) for meaning in meanings)


def _alternatives(meaning: Meaning) -> str:
    parts = [_quoted(word) for word in meaning.words]
    if meaning.prefix:
        parts[0] += ":*"
    parts += [f"({' & '.join(map(_quoted, phrase))})" for phrase in meaning.phrases]
    return f"({' | '.join(parts)})"


def _quoted(word: str) -> str:
    """A word as a tsquery takes it, whatever its letters."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
