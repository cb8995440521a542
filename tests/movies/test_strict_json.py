"""JSON is read by one strict reader, whichever entrance it comes through."""

from typing import Any

import pytest

from movies import strict_json


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": [1, {"a": 2}]}', {"a": [1, {"a": 2}]}), (b'"\xc3\xa9"', "é"), ("1e3", 1000.0), ("null", None)],
)
def test_standard_json_is_read(text: str | bytes, value: Any) -> None:
    assert strict_json.loads(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', 'not valid JSON: the key "a" is there twice'),
        ('[{"b": {"a": 1, "\\u0061": 1}}]', 'not valid JSON: the key "a" is there twice'),
        ("[NaN]", "not valid JSON: NaN is not a number in JSON"),
        ("-Infinity", "not valid JSON: -Infinity is not a number in JSON"),
        ("{", "not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"\xff", "not UTF-8 (at byte 0)"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str | bytes, reason: str) -> None:
    with pytest.raises(strict_json.BadJson) as refused:
        strict_json.loads(text)
    assert str(refused.value) == reason
