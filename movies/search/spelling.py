"""The readings of a search query: its words as written, joined, split, begun, misspelt, or too many. Plain rules.

The contract of both engines (docs/decisions.md): a query has several readings, each less literal than the one
before, and the first reading that finds anything gives the results.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

MAX_RESULTS = 500  # of all pages of a search
MAX_WORDS = 12  # of a query; later ones are ignored
MAX_WORD_LENGTH = 60  # letters; the same in the database
MIN_PREFIX_LENGTH = 3  # letters; a last word of so many also matches as a prefix
MAX_CORRECTIONS = 6  # of a misspelt word
MAX_RARE_TITLES = 1_500  # a word of more titles is common

SPLIT, AND = "\x1f", "\x1e"  # marks of the database's movies_spelled(): `m*a*s*h`, `at&t`
WHOLE_TITLE = "="  # prefix of the term that is a whole title without blanks

# Weights of words in a title; they differ so much that no number of weaker matches outweighs a stronger one.
EXACT_WEIGHT, MISSPELT_WEIGHT, COMMON_WEIGHT = 256, 16, 1


@dataclass(frozen=True, slots=True)
class Word:
    """A word between blanks: in one piece, and in the parts that its punctuation separates."""

    joined: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """The distinct words of a query, and the whole query without blanks."""

    words: tuple[Word, ...]
    whole: str

    @property
    def title(self) -> str:
        """The term of titles that are the whole query."""
        return WHOLE_TITLE + self.whole


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one word of the query may mean: any of `words`, or all the words of any of `phrases`."""

    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    prefix: bool = False  # the first of `words` matches as a prefix

    def max_titles(self, known: Mapping[str, int]) -> int:
        """An upper bound of how many titles have it, not counting prefix matches."""
        in_phrases = sum(min(known.get(word, 0) for word in phrase) for phrase in self.phrases)
        return sum(known.get(word, 0) for word in self.words) + in_phrases

    def may_match(self, known: Mapping[str, int]) -> bool:
        """Whether a title can have it, by the terms that are known; beginnings of terms are not."""
        return self.prefix or self.max_titles(known) > 0


@dataclass(frozen=True, slots=True)
class AllOf:
    """Titles that match every meaning of a tier: those of the first tier, then those of the second, ..."""

    tiers: tuple[tuple[Meaning, ...], ...]


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Titles that match at least one of the `rare` meanings, the highest sum of weights first.

    The number of matching `common` meanings, words of very many titles, breaks ties.
    """

    rare: tuple[tuple[Meaning, int], ...]
    common: tuple[Meaning, ...] = ()


def parsed(spelled: str) -> Query:
    """Parses the output of the database's movies_spelled()."""
    words: dict[Word, None] = {}
    for token in filter(None, spelled.split(" ")):  # not split(): it treats the marks as blanks
        parts = token.replace(AND, f"{SPLIT}and{SPLIT}").split(SPLIT)
        joined = token.replace(AND, "").replace(SPLIT, "")
        words[Word(joined[:MAX_WORD_LENGTH], tuple(part[:MAX_WORD_LENGTH] for part in parts[:MAX_WORDS]))] = (
            None
        )
    whole = spelled.replace(AND, "and").replace(SPLIT, "").replace(" ", "")
    return Query(tuple(words)[:MAX_WORDS], whole)


def spellings(query: Query) -> set[str]:
    """Every word that the query may mean, for a look-up in the vocabulary."""
    found = {spelling for word in query.words for spelling in (word.joined, *word.parts)}
    found |= {first.joined + second.joined for first, second in pairwise(query.words)}
    return found | {half for word in query.words for pair in splits(word.joined) for half in pair}


def splits(word: str) -> list[tuple[str, str]]:
    """The word split in two at every position: `spider man` for `spiderman`, among others."""
    return [(word[:position], word[position:]) for position in range(1, len(word))]


def literal(query: Query, known: Mapping[str, int]) -> AllOf:
    """Tiers: the whole title; its words; words joined, split or as a prefix; a title's prefix for short queries.

    Tiers with a word that no title has are left out.
    """
    whole = Meaning((query.title,))
    tiers = [(whole,), tuple(_meaning(word) for word in query.words), tuple(respelled(query, known))]
    if len(query.whole) < MIN_PREFIX_LENGTH:
        tiers.append((replace(whole, prefix=True),))
    possible = (tier for tier in tiers if all(meaning.may_match(known) for meaning in tier))
    return AllOf(tuple(dict.fromkeys(possible)))


def respelled(query: Query, known: Mapping[str, int]) -> list[Meaning]:
    """Each word as it is, the last also as a prefix; joined to a neighbour or split where that gives known words."""
    meanings = []
    joins = [first.joined + second.joined for first, second in pairwise(query.words)]
    for index, word in enumerate(query.words):
        joined = [join for join in joins[max(0, index - 1) : index + 1] if join in known]
        halves = [
            pair
            for pair in splits(word.joined)
            if all(half in known for half in pair) and (word.joined not in known or min(map(len, pair)) > 1)
        ]
        meaning = _meaning(word)
        prefix = word == query.words[-1] and len(word.joined) >= MIN_PREFIX_LENGTH
        meanings.append(Meaning((*meaning.words, *joined), (*meaning.phrases, *halves), prefix))
    return meanings


def misspelt(query: Query, candidates: Mapping[str, Mapping[str, int]]) -> AllOf:
    """For each word the nearest of its `candidates` (word -> number of titles); in a second tier all near ones.

    Without tiers if a word has no near one.

    Words of one or two letters are ignored beside longer ones, because they are often wrong and match anything.
    """
    kept = [word for word in query.words if len(word.joined) > 2] or list(query.words)
    tiers = []
    for only_nearest in (True, False):
        meanings = []
        for word in kept:
            words = near(word.joined, candidates, only_nearest=only_nearest)
            parts = [near(part, candidates, only_nearest=True) for part in word.parts]
            phrases = (tuple(best[0] for best in parts),) if len(parts) > 1 and all(parts) else ()
            meanings.append(Meaning(tuple(words), phrases))
        if all(meaning.words or meaning.phrases for meaning in meanings):
            tiers.append(tuple(meanings))
    return AllOf(tuple(dict.fromkeys(tiers)))


def some(query: Query, known: Mapping[str, int], candidates: Mapping[str, Mapping[str, int]]) -> list[SomeOf]:
    """For queries with words too many: titles with any of the rare words, or else with any of the common ones."""
    rare: list[tuple[Meaning, int]] = []
    common: list[Meaning] = []
    for meaning in respelled(query, known):
        titles = meaning.max_titles(known)
        if titles > MAX_RARE_TITLES:
            common.append(replace(meaning, prefix=False))
        elif titles:
            rare.append((replace(meaning, prefix=False), EXACT_WEIGHT))
        elif words := near(meaning.words[0], candidates, only_nearest=True):
            rare.append((Meaning(tuple(words)), MISSPELT_WEIGHT))
    readings = [
        SomeOf(tuple(rare), tuple(common)),
        SomeOf(tuple((meaning, COMMON_WEIGHT) for meaning in common)),
    ]
    return [reading for reading in readings if reading.rare]


def near(word: str, candidates: Mapping[str, Mapping[str, int]], *, only_nearest: bool) -> list[str]:
    """The likeliest corrections of a word: fewest edits first, then most titles."""
    steps = [
        (distance(word, candidate), -titles, candidate)
        for candidate, titles in candidates.get(word, {}).items()
    ]
    steps = sorted(step for step in steps if step[0] <= tolerance(word))
    if only_nearest:
        steps = [step for step in steps if step[0] == steps[0][0]]
    return [candidate for _, _, candidate in steps[:MAX_CORRECTIONS]]


def tolerance(word: str) -> int:
    """How many edits a word of this length may have."""
    return 0 if len(word) < 3 or word.isdigit() else 1 if len(word) < 5 else 2


def distance(one: str, other: str) -> int:
    """Edit distance: inserted, deleted and replaced letters, and swaps of neighbouring ones."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, expected in enumerate(other, 1):
            steps = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != expected))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == expected:
                steps = min(steps, before[j - 2] + 1)
            row.append(steps)
        before, last = last, row
    return last[-1]


def _meaning(word: Word) -> Meaning:
    return Meaning((word.joined,), (word.parts,) if len(word.parts) > 1 else ())


def tsquery(meanings: Iterable[Meaning]) -> str:
    """A conjunction of the meanings, as text for a cast to PostgreSQL's tsquery."""
    return " & ".join(_alternatives(meaning) for meaning in meanings)


def _alternatives(meaning: Meaning) -> str:
    parts = [_quoted(word) for word in meaning.words]
    if meaning.prefix:
        parts[0] += ":*"
    parts += [f"({' & '.join(map(_quoted, phrase))})" for phrase in meaning.phrases]
    return f"({' | '.join(parts)})"


def _quoted(word: str) -> str:
    """A word quoted for a tsquery."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
