"""The log: a line an event, for people or as JSON, and nothing in it that looks like another line.

What others say reaches the log only as values; JSON escapes them, and on a terminal whatever is
not printable is written as an escape.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from vibn.services.audit.entry import clean

LONGEST = 4096
"""Characters of one value of a line."""


def configure(form: str = "", level: int = logging.INFO, stream: TextIO = sys.stderr) -> None:
    """``form``: ``console``, ``json``, or empty to choose by whether ``stream`` is a terminal."""
    console = form == "console" or (not form and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
    ]
    if console:
        last += [_printable, structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    else:
        last += [structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    # They tell of each request what our own line tells better.
    for name in ("uvicorn.access", "mcp", "httpx2", "sse_starlette", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _printable(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An exception keeps its lines: it is ours, and what it quotes stands within it."""
    return {
        key: clean(value, LONGEST) if isinstance(value, str) and key != "exception" else value
        for key, value in event.items()
    }
