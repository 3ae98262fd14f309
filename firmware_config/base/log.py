"""Structured log to standard error: one line an event, readable on a terminal, JSON under systemd or with HAITAN_LOG=json.

Log once per change of state, never per record; secrets never.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import Any

import structlog


class _Lines:
    """Writes lines to standard error as it is now. A log that nobody can take any more (full disk, closed pipe) never stops the work."""

    def __init__(self, *_: Any) -> None:
        """structlog hands the logger's name over; it is not used."""

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)

    log = debug = info = warning = warn = error = critical = exception = fatal = failure = msg


def set_up(program: str, *, level: str | None = None) -> None:
    """Configure logging for a process; call once, first thing in a command."""
    chosen = getattr(logging, (level or os.environ.get("HAITAN_LOG_LEVEL", "INFO")).upper(), logging.INFO)
    json_form = os.environ.get("HAITAN_LOG") == "json" or "JOURNAL_STREAM" in os.environ
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json_form else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(chosen),
        logger_factory=_Lines,
    )
    structlog.contextvars.bind_contextvars(program=program)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(levelname)s %(message)s")


def get(name: str) -> Any:
    """A logger of a module."""
    return structlog.get_logger(name)
