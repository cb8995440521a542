"""JSON is parsed strictly, and the fast parser agrees with the slow one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movies.foundation import strict_json


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": [1, {"a": 2}]}', {"a": [1, {"a": 2}]}), (b'"\xc3\xa9"', "é"), ("1e3", 1000.0), ("null", None)],
)
def test_standard_json_is_parsed(text: str | bytes, value: Any) -> None:
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
def test_anything_else_is_rejected_with_the_reason(text: str | bytes, reason: str) -> None:
    with pytest.raises(strict_json.BadJson) as refused:
        strict_json.loads(text)
    assert str(refused.value) == reason


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """JSON with some characters removed, repeated or replaced, and with duplicate keys."""
    text = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        twice = json.dumps(draw(st.text(max_size=2)))
        text = f"{{{twice}: {text}, {draw(st.sampled_from([twice, json.dumps(draw(st.text()))]))}: 1}}"
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        others = st.sampled_from(
            ["", '"', "\\", ",", ":", "{", "]", "0", "e", "-", ".", "\x00", "\ufeff", "\ud800"]
        )
        text = text[:at] + draw(others) + text[at + draw(st.integers(0, 1)) :]
    return text


def outcome(read: Any, text: str | bytes) -> str:
    """The value, distinct from equal ones (1 and 1.0), or the reason."""
    try:
        return f"value {read(text)!r}"
    except strict_json.BadJson as error:
        return f"refused: {error}"


@given(texts() | st.text(st.characters()))
def test_the_fast_parser_agrees_with_the_slow_one_about_any_text(text: str) -> None:
    assert outcome(strict_json.loads, text) == outcome(strict_json.loads_slowly, text)
    raw = text.encode(errors="surrogatepass")
    assert outcome(strict_json.loads, raw) == outcome(strict_json.loads_slowly, raw)
