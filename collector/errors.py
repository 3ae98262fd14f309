"""What can go wrong at the centre. Every error says what happened, to which thing, and what to do."""

from __future__ import annotations


class CollectorError(Exception):
    """Base of all errors of the centre."""


class ConfigError(CollectorError):
    """COLLECTOR.yaml is wrong; holds every problem found, not just the first."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DataFolderInUse(CollectorError):
    """Another collector works in this data folder."""


class CannotCommit(CollectorError):
    """Nothing was committed, nothing may be acknowledged; the same batch is tried again. ``reason``: ``full`` or ``io``."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class SinkRefused(CollectorError):
    """The time-series database refused these lines for what they are (HTTP 400, 413, 422): sending them again will not help."""


class SinkUnavailable(CollectorError):
    """The time-series database did not take the lines for now (no answer, 401, 403, 404, 429, 5xx, …): send them again later."""


class AlarmRuleError(CollectorError):
    """An alarm rule is wrong: names the rule, the field and what is allowed."""


class AlarmNotFound(CollectorError):
    """There is no alarm of this number."""


class AlarmSettled(CollectorError):
    """The alarm is cleared already; there is nothing left to acknowledge."""


class JournalUnavailable(CollectorError):
    """The alarm journal cannot be written: what was asked for was not done; try again when the disk has room."""


class UserError(CollectorError):
    """A user, a password or the file of them is not as it must be."""


class Busy(CollectorError):
    """Too much was asked at once; try again in a moment."""
