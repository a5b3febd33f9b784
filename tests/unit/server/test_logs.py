"""The log: nothing from outside can look like a line of its own."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from vibn.server import logs

FORGED = 'x\n{"event": "forged", "level": "info"}\r\x1b[2J\u202e\u2028end'


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield io.StringIO()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def test_json_lines_hold_what_was_said_as_values(stream: io.StringIO):
    logs.configure("json", stream=stream)
    with structlog.contextvars.bound_contextvars(request="r1"):
        structlog.get_logger("vibn.test").info("request", path=FORGED)
        logging.getLogger("vibn.other").warning("it failed: %s", FORGED)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["path"], first["request"], first["level"]) == (FORGED, "r1", "info")
    assert (second["event"], second["request"]) == (f"it failed: {FORGED}", "r1")


def test_lines_for_people_show_escapes(stream: io.StringIO):
    logs.configure("console", stream=stream)
    structlog.get_logger("vibn.test").info("request", path=FORGED)
    logging.getLogger("vibn.other").warning("it failed: %s", FORGED)
    lines = stream.getvalue().split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    assert "\\x0a" in lines[0]


def test_an_exception_is_told_with_its_place(stream: io.StringIO):
    logs.configure("json", stream=stream)
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("vibn.other").exception("oh")
    (line,) = stream.getvalue().splitlines()
    assert "ZeroDivisionError" in json.loads(line)["exception"]
