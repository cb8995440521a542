"""Bars that show a profile or a progress, with labels for screen readers."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from movies.genres import GENRES, label
from movies.palette import COLOURS

MAX_NAMED = 2  # strongest genres named beside the bar


def genre_bar(weights: Sequence[int]) -> SafeString:
    """The profile as a coloured bar with its strongest genres; the tooltip names all.

    Without format_html, which is five times slower and is called six times a bar: nothing here needs to be escaped.
    """
    shares = sorted(
        ((weight, genre) for genre, weight in zip(GENRES, weights, strict=True) if weight),
        key=lambda share: -share[0],
    )
    description = ", ".join(f"{label(genre)} {weight:d}%" for weight, genre in shares)
    parts = "".join(
        f'<i style="width:{weight:d}%;background:{COLOURS[genre]}"></i>' for weight, genre in shares
    )
    names = ", ".join(f"{label(genre)} {weight:d}" for weight, genre in shares[:MAX_NAMED])
    return mark_safe(  # noqa: S308 - names and colours of genres, and whole numbers
        f'<span class="tf-bar-box" title="{description}"><span class="tf-bar" role="img" aria-label="{description}">'
        f'{parts}</span><small aria-hidden="true">{names}</small></span>'
    )


def progress_bar(progress: float) -> SafeString:
    """How much of a movie a user has watched, as a bar and a percentage."""
    percent = round(progress * 100)
    return format_html(
        '<span class="tf-progress" role="img" aria-label="{}% watched"><i style="width:{}%"></i></span> {}%',
        percent,
        percent,
        percent,
    )


def legend() -> SafeString:
    """The colours of the genres."""
    return format_html(
        '<ul class="tf-legend" aria-label="Genres">{}</ul>',
        format_html_join(
            "",
            '<li><i style="background:{}"></i>{}</li>',
            ((COLOURS[genre], label(genre)) for genre in GENRES),
        ),
    )
