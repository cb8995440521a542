"""Formats the log lines of all loggers of the process: JSON for machines, columns for people."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor

Style = Literal["json", "console"]


def style(wanted: str, *, debug: bool) -> Style:
    """The style to use; "auto" is `console` on a terminal and in DEBUG, else `json`."""
    if wanted == "auto":
        return "console" if debug or sys.stderr.isatty() else "json"
    return "console" if wanted == "console" else "json"


def formatter(style: Style) -> logging.Formatter:
    """The formatter of all lines, also those of structlog's loggers; the `()` of settings.LOGGING."""
    about: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(_FIELDS),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *about,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=about,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDER[style]()],
    )


def _for_machines() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _for_people() -> list[Processor]:
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _json(event: EventDict, default: Callable[[object], object], **options: object) -> str:
    """One line for any event; values without a JSON type become text."""
    try:
        return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # half a surrogate pair, a number of more than 64 bits
        return json.dumps(event, default=str, skipkeys=True)


_RENDER: dict[Style, Callable[[], list[Processor]]] = {"json": _for_machines, "console": _for_people}
# The fields of `extra=` that are logged; other attributes of a record (like Django's request object) are not.
_FIELDS = ("method", "path", "route", "status", "milliseconds", "actor", "queue", "seconds", "count")
