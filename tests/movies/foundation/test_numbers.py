"""Whole numbers in text are parsed strictly."""

import pytest

from movies.foundation.numbers import MAX_BIGINT, whole_number


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("0005", 5), (str(MAX_BIGINT), MAX_BIGINT)])
def test_ascii_digits_within_the_bounds_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "+5",
        "-5",
        " 5",
        "5 ",
        "1_000",
        "5.0",
        "1e3",
        "0x5",
        "²",
        "٣",
        "\uff15",
        "9" * 5000,
        str(MAX_BIGINT + 1),
    ],
)
def test_any_other_text_is_rejected(text: str) -> None:
    assert whole_number(text) is None


@pytest.mark.parametrize("value", [None, 5, b"5", ["5"], True])
def test_other_types_are_rejected(value: object) -> None:
    assert whole_number(value) is None


def test_the_caller_sets_the_bounds() -> None:
    assert [whole_number(text, least=0, most=100) for text in ("0", "100", "101")] == [0, 100, None]
