"""How log lines look, for machines and for people."""

import json
import logging

import structlog

from tetraflix.observability import logs


def record(**more: object) -> logging.LogRecord:
    fields = {
        "name": "movies.outbox",
        "levelname": "WARNING",
        "levelno": logging.WARNING,
        "msg": "waits",
        **more,
    }
    return logging.makeLogRecord(fields)


def test_a_line_for_machines_is_one_json_object_with_all_fields() -> None:
    line = logs.formatter("json").format(record(queue="movieChanges", unknown=object()))
    fields = json.loads(line)
    assert fields.pop("timestamp").endswith("Z")
    assert fields == {
        "message": "waits",
        "level": "warning",
        "logger": "movies.outbox",
        "queue": "movieChanges",
    }
    assert "\n" not in line


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("as it was")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    line = logs.formatter("json").format(record(exc_info=info))
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: as it was")


def test_a_value_without_a_json_type_becomes_text() -> None:
    fields = json.loads(logs.formatter("json").format(record(actor={1: {2}, "é\ud800": 2**70})))
    assert fields["actor"] == {"1": "{2}", "é\ud800": 2**70}


def test_a_line_for_people_is_plain_text() -> None:
    line = logs.formatter("console").format(record(queue="movieChanges"))
    assert "waits" in line
    assert "queue=movieChanges" in line
    assert not line.startswith("{")


def test_loggers_of_structlog_look_the_same(caplog: object) -> None:
    formatter = logs.formatter("json")
    handler = logging.Handler()
    lines: list[str] = []
    handler.emit = lambda record: lines.append(formatter.format(record))  # type: ignore[method-assign]
    logger = logging.getLogger("tests.structlog")
    logger.addHandler(handler)
    structlog.get_logger("tests.structlog").warning("waits", queue="movieChanges")
    logger.removeHandler(handler)
    fields = json.loads(lines[0])
    assert fields.pop("timestamp").endswith("Z")
    assert fields == {
        "message": "waits",
        "level": "warning",
        "logger": "tests.structlog",
        "queue": "movieChanges",
    }


def test_auto_is_for_people_in_debug_and_for_machines_in_a_file() -> None:
    assert logs.style("auto", debug=True) == "console"
    assert logs.style("auto", debug=False) == "json"  # pytest's stderr is no terminal
    assert (logs.style("json", debug=True), logs.style("console", debug=False)) == ("json", "console")
