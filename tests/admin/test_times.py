"""Times on pages: one format with its zone, and ages with the exact time as their title."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.template import Context, Template
from time_machine import travel

from movies.foundation.times import age, ago, when

AT = datetime(2026, 11, 29, 3, 51, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0.9, "0 s"), (59, "59 s"), (60, "1 min"), (7_199, "1 h"), (86_400, "1 d"), (4e7, "462 d")],
)
def test_an_age_has_its_largest_unit(seconds: float, text: str):
    assert age(seconds) == text


def test_a_time_is_in_utc_whatever_its_zone():
    html = '<time datetime="2026-11-29T03:51:25+00:00" title="2026-11-29 03:51:25 UTC">2026-11-29 03:51 UTC</time>'
    assert when(AT) == html
    assert when(AT.astimezone(timezone(timedelta(hours=5)))) == html
    assert when(None) == "never"


@travel(AT + timedelta(minutes=2), tick=False)
def test_an_age_keeps_the_time_as_its_title():
    assert ago(AT).endswith('title="2026-11-29 03:51:25 UTC">2 min ago</time>')
    assert ago(None, "not yet") == "not yet"


def test_django_writes_the_same_format():
    assert Template("{{ at }}").render(Context({"at": AT})) == "2026-11-29 03:51 UTC"
