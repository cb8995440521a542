"""Reads CSV as spreadsheets write it: rows of values, each with the line where it begins. No Django.

Python's csv module rejects blanks around quotation marks, and cannot report in which line a row is wrong.
"""

import itertools
import re
from collections.abc import Collection, Iterator

from movies.bulk.text_file import BadFile, shown

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a |"}
MAX_LINES_PER_ROW = 20  # so that an unclosed quotation mark does not swallow the file
EMPTY = "".join(DELIMITERS) + '" \n'  # the characters of a row without values
SEP_LINE = re.compile(r'\s*"?sep=(.*)', re.IGNORECASE)

Lines = Iterator[tuple[int, str]]


def delimiter_of(lines: Lines, names: Collection[str]) -> tuple[str, Lines]:
    """The delimiter, and the lines from the header on. Raises BadFile.

    The delimiter that finds most `names` in the header wins; a line `sep=;` before it, as in Excel, adds a candidate.
    """
    candidates = [*DELIMITERS]
    for number, text in lines:
        if not text.strip(EMPTY):
            continue
        if match := SEP_LINE.match(text):
            candidates[:0] = match[1].strip(' "')[:1]
            continue
        if text.lstrip().startswith("{"):
            raise BadFile(f"Line {number} is JSON, but the name of the file says CSV: end it in .jsonl.")
        delimiter = max(candidates, key=lambda candidate: _score(text.split(candidate), names))
        return delimiter, itertools.chain([(number, text)], lines)
    raise BadFile("The file is empty.")


def records(lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row as the number of its first line and its values, not stripped. Raises BadFile."""
    end = re.escape(delimiter)
    blanks, quoted = rf"[^\S\n{end}]*+", '[^"]*+(?:""[^"]*+)*+'
    fields = re.compile(rf'(?:{blanks}"({quoted})"{blanks}|([^{end}\n]*+))[{end}\n]')
    unclosed = re.compile(rf'{blanks}"{quoted}\Z')
    for number, line in lines:
        if '"' not in line:
            yield number, line[:-1].split(delimiter)
            continue
        text, following = line, itertools.islice(lines, MAX_LINES_PER_ROW - 1)
        found = fields.findall(text)
        while '"' in "".join([plain for _, plain in found]):
            first = next((field for field in fields.finditer(text) if _opens(field[2])), None)
            if first is None:  # a quotation mark inside an unquoted value is an ordinary character
                break
            if not unclosed.match(text, first.start()):
                raise BadFile(
                    f"The row that begins in line {number} has text after the closing quotation mark of the value"
                    f' {shown(first[2].strip())}: write a quotation mark inside a value twice ("").'
                )
            if (more := next(following, None)) is None:
                raise BadFile(
                    f"The row that begins in line {number} has a quotation mark that is not closed"
                    f" within {MAX_LINES_PER_ROW} lines."
                )
            text += more[1]
            found = fields.findall(text)
        if '""' in text:
            yield number, [value.replace('""', '"') or plain for value, plain in found]
        else:
            yield number, [value or plain for value, plain in found]


def _opens(plain: str | None) -> bool:
    return plain is not None and plain.lstrip().startswith('"')


def _score(header: list[str], names: Collection[str]) -> tuple[int, int]:
    return sum(name.strip(' "\n').lower() in names for name in header), len(header)
