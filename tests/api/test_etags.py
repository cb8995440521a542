"""Lists of entity tags: every header is read by the grammar or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movies.api.etags import not_modified, read_tags

tags = st.builds(
    lambda weak, text: f'{"W/" if weak else ""}"{text}"',
    st.booleans(),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'), max_size=5)
    | st.integers(0, 12).map(str),
)
blanks = st.text(" \t", max_size=2)


@given(st.lists(st.tuples(blanks, tags | st.just(""), blanks), min_size=1, max_size=6))
def test_a_list_of_tags_round_trips(elements: list[tuple[str, str, str]]):
    header = ",".join(before + tag + behind for before, tag, behind in elements)
    written = {tag for _, tag, _ in elements if tag}
    if written:
        assert read_tags(header) == written
        strong = {tag.removeprefix("W/") for tag in written}
        assert all(not_modified(header, tag) for tag in strong)
    else:
        with pytest.raises(ValueError, match="no entity tag"):
            read_tags(header)


@given(st.text(st.characters(max_codepoint=0xFF), max_size=12) | st.text('",*W/3 \t', max_size=12))
def test_any_header_is_read_or_refused(header: str):
    try:
        read = read_tags(header)
    except ValueError:
        assert not not_modified(header, '"3"')
    else:
        assert read is None or all(tag.endswith('"') and tag in header for tag in read)


@pytest.mark.parametrize(
    "header", [" " * 60_000 + "x", '"a" ' * 20_000, "," * 60_000 + "x", '"' + "a" * 60_000]
)
def test_a_long_malformed_header_is_refused_in_time_that_grows_with_it(header: str):
    with pytest.raises(ValueError, match="not a list of entity tags"):
        read_tags(header)
